"""From the upload of a document to the first search that finds it, while others come in at a steady pace."""

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

from rag_service.client import Client
from tests.bench import ours
from tests.bench.documents import generate
from tests.bench.figures import Figure
from tests.running import RunningService

KINDS = ("pdf", "docx", "html", "md", "txt")

_CORPUS = "steady"
_GIVEN_UP_S = 300.0
_LOOK_S = 0.25


def searchable_figures(count: int = 18, every_s: float = 4.0) -> list[Figure]:
    """Upload `count` documents of up to 12 pages, one every `every_s` seconds."""
    with tempfile.TemporaryDirectory() as scratch, ours.running(Path(scratch) / "data") as service:
        generate(Path(scratch) / "warm", kinds=KINDS, count=len(KINDS), first=10**6)
        ours.ingest_files(service, [Path(scratch) / "warm"], _CORPUS)
        generate(Path(scratch) / "documents", kinds=KINDS, count=count)
        seconds = _waits(service, sorted((Path(scratch) / "documents").iterdir()), every_s)
    note = f"{count} documents of 1 to 12 pages, one every {every_s:g} s"
    p50, p95 = np.percentile(seconds, [50, 95])
    return [
        Figure("upload to searchable p50", float(p50), "s"),
        Figure("upload to searchable p95", float(p95), "s", limit="<= 60", note=note),
    ]


def _waits(service: RunningService, files: Sequence[Path], every_s: float) -> list[float]:
    def one(place: int) -> float:
        time.sleep(place * every_s)
        with service.client() as http, Client(service.url, service.key) as client:
            started = time.perf_counter()
            uploaded = client.upload_file(files[place])["id"]
            client.add_file(_CORPUS, uploaded)
            _until_found(http, files[place], uploaded)
            return time.perf_counter() - started

    with ThreadPoolExecutor(len(files)) as pool:
        return list(pool.map(one, range(len(files))))


def _until_found(http: httpx.Client, file: Path, file_id: str) -> None:
    query = {"query": file.stem, "max_num_results": 8}  # in its title, and in no other
    deadline = time.monotonic() + _GIVEN_UP_S
    while time.monotonic() < deadline:
        hits = http.post(f"/v1/vector_stores/{_CORPUS}/search", json=query).raise_for_status().json()["data"]
        if any(hit["file_id"] == file_id for hit in hits):
            return
        time.sleep(_LOOK_S)
    raise RuntimeError(f"{file.name} was not found after {_GIVEN_UP_S:.0f} s")
