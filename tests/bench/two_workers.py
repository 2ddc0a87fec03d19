"""How much two workers read more than one: large files, and an embedder that takes no time."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from rag_service.client import Client
from tests.bench import ours
from tests.bench.documents import pdf
from tests.bench.figures import Figure
from tests.bench.texts import rows
from tests.running import RunningService

_CORPUS = "reading"
_DRAFT = "held"
_FILES = 4
_PARAGRAPHS = 1400
"""Of a file: above the size up to which files are read in both lanes of one worker."""

_START_S = 60.0
_STOP_S = 60.0
_LEFT = "SELECT count(*) FROM jobs WHERE kind = 'prepare_revision' AND state <> 'succeeded'"


def two_worker_figures(rounds: int = 2) -> list[Figure]:
    """Read the same files with one worker and with two, in turns."""
    with tempfile.TemporaryDirectory() as scratch:
        files = _files(Path(scratch))
        pairs = [[_reading_s(Path(scratch) / f"{turn}-{count}", files, workers=count) for count in (1, 2)]
                 for turn in range(rounds)]  # fmt: skip
    ratios = [one / two for one, two in pairs]
    seconds = "; ".join(f"{one:.1f} and {two:.1f} s" for one, two in pairs)
    return [Figure("two workers to one, reading only", median(ratios), "x", limit=">= 1.4", note=seconds)]


def _files(folder: Path) -> list[Path]:
    texts = [row.text for row in rows(_PARAGRAPHS)]
    paths = [folder / f"{number}.pdf" for number in range(_FILES + 2)]
    for number, path in enumerate(paths):
        path.write_bytes(pdf(f"File {number}", texts[number:] + texts[:number], compressed=False))
    return paths


def _reading_s(data_dir: Path, files: list[Path], *, workers: int) -> float:
    with ours.running(data_dir, RAG_EMBEDDING__BACKEND="hashing") as service, ExitStack() as stack:
        for number in range(1, workers):
            stack.enter_context(_another_worker(service, data_dir / f"worker-{number}.log"))
        with Client(service.url, service.key) as client:
            client.ensure_corpus(_CORPUS)
            # Nothing is sealed meanwhile: what a held draft has is read, and no more.
            client.open_draft(_CORPUS, _DRAFT)
            # One for each worker first: it imports what it needs to read.
            _read(service, client, files[:workers])
            started = time.perf_counter()
            _read(service, client, files[-_FILES:])
            return time.perf_counter() - started


def _read(service: RunningService, client: Client, files: list[Path]) -> None:
    for file_id in [client.upload_file(path)["id"] for path in files]:
        client.add_to_draft(_CORPUS, _DRAFT, file_id)
    while ours.counted(service, _LEFT):
        time.sleep(0.05)


@contextmanager
def _another_worker(service: RunningService, log_path: Path) -> Iterator[None]:
    """Run one more worker over the service's data."""
    settings = {"RAG_DATA_DIR": str(service.data_dir), "RAG_EMBEDDING__BACKEND": "hashing"}
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestion.worker"], env={**os.environ, **settings}, stderr=log
        )
    try:
        deadline = time.monotonic() + _START_S
        while b"worker_ready" not in log_path.read_bytes():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"the second worker did not start:\n{log_path.read_text(errors='replace')}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(_STOP_S)
