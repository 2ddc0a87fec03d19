"""`python -m tests.bench.memory FOLDER…`: the most memory that a worker takes with its children over all files.

Every file below the folders is ingested, one folder after the other, by one worker that runs as the product runs it. Of
memory that processes share each counts its part. `--embedder onnx` measures with the model, which takes longer;
`--ocr off` leaves pages without text unread, which takes less.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.bench import ours
from tests.bench.figures import HEADER, Figure
from tests.running import RunningService

LIMIT_MIB = 1536
INCOMPLETE = 4
"""How `rag ingest` ends when some documents were refused."""

_CORPUS = "everything"
_WORKER = "ingestion.worker"
_LOOK_S = 0.25
_NAME = "memory of a worker and its children at most"


@dataclass
class Peak:
    """The most seen at once, filled in while a worker runs; `parts` are its processes then, the worker first."""

    total_mib: float = 0.0
    parts: Sequence[float] = field(default_factory=tuple)


def main() -> None:
    """Measure and print, after each folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--embedder", default="hashing", choices=("hashing", "onnx"))
    parser.add_argument("--ocr", default="auto", choices=("auto", "off"))
    arguments = parser.parse_args()
    sys.stdout.write(f"{HEADER}\n")
    settings = {"RAG_EMBEDDING__BACKEND": arguments.embedder, "RAG_OCR__MODE": arguments.ocr}
    for figure in memory_figures(arguments.folders, settings):
        sys.stdout.write(f"{figure.line()}\n")
        sys.stdout.flush()


def memory_figures(folders: Sequence[Path], settings: Mapping[str, str]) -> Iterator[Figure]:
    """Ingest everything below the folders; yield the peak so far after each."""
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch) / "data"
        with ours.running(data_dir, **settings) as service, _watched(service) as peak:
            for folder in folders:
                started = time.perf_counter()
                uploaded, refused, skipped = _ingested(service, folder)
                parts = " + ".join(f"{part:.0f}" for part in peak.parts)
                note = (
                    f"{folder}: {uploaded} documents ingested, {refused} refused, {skipped} of other kinds, in "
                    f"{time.perf_counter() - started:.0f} s; so far the worker and its children {parts}"
                )
                yield Figure(_NAME, peak.total_mib, "MiB", limit=f"<= {LIMIT_MIB}", note=note)


def _ingested(service: RunningService, folder: Path) -> tuple[int, int, int]:
    """Return how many documents were ingested, refused and not tried."""
    done = subprocess.run(
        [sys.executable, "-m", "rag_service.cli", "ingest", str(folder), "--corpus", _CORPUS, "--json"],
        env={**os.environ, "RAGCTL_URL": service.url, "RAGCTL_KEY": service.key},
        check=False,
        stdout=subprocess.PIPE,
    )
    if done.returncode not in (0, INCOMPLETE):
        raise RuntimeError(f"{folder} could not be ingested")
    summary = json.loads(done.stdout)
    return summary["uploaded"], len(summary["failures"]), len(summary["skipped"])


@contextmanager
def _watched(service: RunningService) -> Iterator[Peak]:
    peak, is_over = Peak(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(service, peak, is_over))
    watcher.start()
    try:
        yield peak
    finally:
        is_over.set()
        watcher.join()


def _watch(service: RunningService, peak: Peak, is_over: threading.Event) -> None:
    worker = next(
        process
        for process in psutil.Process(service.process.pid).children(recursive=True)
        if _WORKER in process.cmdline()
    )
    while not is_over.wait(_LOOK_S):
        parts = [_memory_mib(process) for process in (worker, *worker.children(recursive=True))]
        if sum(parts) > peak.total_mib:
            peak.total_mib, peak.parts = sum(parts), parts


def _memory_mib(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_full_info().pss / ours.MIB)
    return 0.0


if __name__ == "__main__":
    main()
