"""`python -m tests.bench.searchable`: from the upload of a document to the first search that finds it.

Others come in at a steady pace meanwhile. `--stack` measures the scaled-out service.
"""

import argparse
import sys
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
from tests.bench.figures import HEADER, Figure
from tests.running import RunningService
from tests.stacks import running_stack

KINDS = ("pdf", "docx", "html", "md", "txt")
DOCUMENTS = 18
EVERY_S = 4.0

_CORPUS = "steady"
_GIVEN_UP_S = 300.0
_LOOK_S = 0.25


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.searchable", description=__doc__)
    parser.add_argument("--stack", action="store_true", help="the scaled-out service of `rag stack`; else `rag serve`")
    parser.add_argument("--count", type=int, default=DOCUMENTS, help="documents")
    parser.add_argument("--every", type=float, default=EVERY_S, help="seconds from one upload to the next")
    parser.add_argument("--embedder", default="onnx", choices=("hashing", "onnx"))
    arguments = parser.parse_args()
    settings = {"RAG_EMBEDDING__BACKEND": arguments.embedder}
    measure = scaled_out_figures if arguments.stack else searchable_figures
    sys.stdout.write(f"{HEADER}\n")
    for figure in measure(arguments.count, arguments.every, **settings):
        sys.stdout.write(f"{figure.line()}\n")


def searchable_figures(count: int = DOCUMENTS, every_s: float = EVERY_S, **settings: str) -> list[Figure]:
    """Upload `count` documents of up to 12 pages, one every `every_s` seconds."""
    with tempfile.TemporaryDirectory() as scratch, ours.running(Path(scratch) / "data", **settings) as service:
        return _figures("upload to searchable", (service, service), count, every_s)


def scaled_out_figures(count: int = DOCUMENTS, every_s: float = EVERY_S, **settings: str) -> list[Figure]:
    """Upload to one API process of the scaled-out service, and search through the other."""
    with running_stack(**settings) as services:
        return _figures("upload to searchable, scaled out", services, count, every_s)


def _figures(name: str, services: tuple[RunningService, RunningService], count: int, every_s: float) -> list[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch) / "warm", kinds=KINDS, count=len(KINDS), first=10**6)
        ours.ingest_files(services[0], [Path(scratch) / "warm"], _CORPUS)
        generate(Path(scratch) / "documents", kinds=KINDS, count=count)
        seconds = _waits(services, sorted((Path(scratch) / "documents").iterdir()), every_s)
    p50, p95 = np.percentile(seconds, [50, 95])
    note = f"{count} documents of 1 to 12 pages, one every {every_s:g} s; the slowest {max(seconds):.1f} s"
    return [
        Figure(f"{name} p50", float(p50), "s"),
        Figure(f"{name} p95", float(p95), "s", limit="<= 60", note=note),
    ]


def _waits(services: tuple[RunningService, RunningService], files: Sequence[Path], every_s: float) -> list[float]:
    uploading, searching = services

    def one(place: int) -> float:
        time.sleep(place * every_s)
        with searching.client() as http, Client(uploading.url, uploading.key) as client:
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


if __name__ == "__main__":
    main()
