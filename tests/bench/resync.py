"""Ingesting again what has not changed: nothing is read, cut or embedded."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from rag_service.client import Client
from tests.bench import ours
from tests.bench.documents import generate
from tests.bench.figures import Figure
from tests.bench.processor_time import spending
from tests.bench.texts import rows
from tests.running import RunningService

_CORPUS = "resync"
_SOURCE = "folder"
_LOOK_S = 0.05

Load = Callable[[RunningService], object]


def resync_figures(*, file_count: int = 240, row_count: int = 3000) -> list[Figure]:
    """Load a folder as a source, the same folder as uploads, and rows of one chunk; each twice."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, path = Path(scratch) / "files", Path(scratch) / "rows.jsonl"
        generate(folder, kinds=["md"], count=file_count)
        ours.write_rows(path, rows(row_count))
        loads: dict[str, Load] = {
            "a source": _sync,
            "uploaded files": lambda service: ours.ingest_files(service, [folder], _CORPUS),
            "uploaded rows": lambda service: ours.ingest(service, path, _CORPUS),
        }
        return [_resync(what, Path(scratch) / what.replace(" ", "-"), folder, load) for what, load in loads.items()]


def _resync(what: str, data_dir: Path, folder: Path, load: Load) -> Figure:
    # With an embedder that takes no time, since none is asked the second time.
    settings = {"RAG_EMBEDDING__BACKEND": "hashing", "RAG_SOURCES__FOLDER_ROOTS": json.dumps([str(folder)])}
    with ours.running(data_dir, **settings) as service:
        with Client(service.url, service.key) as client:
            client.ensure_corpus(_CORPUS)
            client.add_source(_CORPUS, {"name": _SOURCE, "kind": "folder", "settings": {"path": str(folder)}})
            load(service)
            client.wait_until_done(_CORPUS)
        chunks, kept, documents = (_rows_of(service, table) for table in ("chunks", "kept_vectors", "documents"))
        with spending(service) as again:
            load(service)
        embedded = _rows_of(service, "kept_vectors") - kept
    note = (
        f"{documents} documents, {chunks} chunks, {embedded} embedded; "
        f"{chunks / again.cpu_s:.0f} for a second of processor time"
    )
    limit = ">= 2000" if load is _sync else ""
    return Figure(f"nothing changed, {what} again", chunks / again.seconds, "chunks/s", limit=limit, note=note)


def _sync(service: RunningService) -> None:
    with Client(service.url, service.key) as client:
        started = client.start_run(_CORPUS, _SOURCE)
        job = client.wait_for_job(started["job"]["id"], poll_s=_LOOK_S)
        if job["state"] != "succeeded":
            raise RuntimeError(f"the source was not synchronised: {job}")


def _rows_of(service: RunningService, table: str) -> int:
    return ours.counted(service, f"SELECT count(*) FROM {table}")  # noqa: S608  (a name of ours)
