"""The measurements of our own service, over HTTP and the command line as its users do."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.bench.texts import Row, questions
from tests.running import RunningService, spawn_service, start_service, stop_service

MIB = 2**20


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[RunningService]:
    """Run the service over `data_dir` without the sample corpus."""
    service = start_service(data_dir, RAG_SAMPLE_CORPUS="false", **settings)
    try:
        yield service
    finally:
        stop_service(service)


def write_rows(path: Path, found: list[Row]) -> None:
    """Write the rows as the JSON lines that `rag ingest --jsonl` reads."""
    path.write_text("".join(json.dumps(vars(row)) + "\n" for row in found), encoding="utf-8")


def ingest(service: RunningService, rows_path: Path, corpus: str) -> float:
    """Ingest the rows and wait until they are published; return the seconds it took."""
    return _ingest(service, ["--jsonl", str(rows_path)], corpus)


def ingest_files(service: RunningService, paths: Sequence[Path], corpus: str) -> float:
    """Ingest files and folders and wait until they are published; return the seconds it took."""
    return _ingest(service, [str(path) for path in paths], corpus)


def _ingest(service: RunningService, what: list[str], corpus: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "rag_service.cli", "ingest", *what, "--corpus", corpus],
        env={**os.environ, "RAGCTL_URL": service.url, "RAGCTL_KEY": service.key},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def counted(service: RunningService, statement: str) -> int:
    """Return one number from the service's catalog."""
    with sqlite3.connect(f"file:{service.data_dir}/catalog.db?mode=ro", uri=True) as catalog:
        return int(catalog.execute(statement).fetchone()[0])


def search_seconds(service: RunningService, corpus: str, count: int) -> list[float]:
    """Search for `count` different questions one after another; return the seconds of each, HTTP included."""
    with service.client() as client:
        path = f"/v1/vector_stores/{corpus}/search"
        client.post(path, json={"query": "warm up"}).raise_for_status()
        return [_timed_post(client, path, {"query": text, "max_num_results": 8}) for text in questions(count)]


def answer_seconds(service: RunningService, corpus: str, count: int) -> tuple[list[float], list[float]]:
    """Stream answers; return the seconds to the first event and to the end, of each question."""
    firsts, wholes = [], []
    with service.client() as client:
        for text in questions(count):
            first, whole = _timed_stream(client, corpus, text)
            firsts.append(first)
            wholes.append(whole)
    return firsts, wholes


def start_up(data_dir: Path, corpus: str) -> tuple[float, float, dict[str, float]]:
    """Start over existing data; return the seconds to /livez and to the first answer, and memory in MiB by process."""
    started = time.perf_counter()
    service = spawn_service(data_dir, RAG_SAMPLE_CORPUS="false")
    try:
        live = _until(service, lambda client: client.get("/livez"), started)
        body = {"model": corpus, "messages": [{"role": "user", "content": questions(1)[0]}]}
        answered = _until(service, lambda client: client.post("/v1/chat/completions", json=body), started)
        return live, answered, memory_mib(service)
    finally:
        stop_service(service)


def memory_mib(service: RunningService) -> dict[str, float]:
    """Return the resident memory of each process of the service."""
    parent = psutil.Process(service.process.pid)
    return {" ".join(child.cmdline()[2:3]): child.memory_info().rss / MIB for child in parent.children(recursive=True)}


def _until(service: RunningService, ask: Callable[[httpx.Client], httpx.Response], started: float) -> float:
    while True:
        try:
            with service.client() as client:
                if ask(client).status_code == 200:
                    return time.perf_counter() - started
        except (httpx.TransportError, FileNotFoundError):
            pass
        time.sleep(0.02)


def _timed_post(client: httpx.Client, path: str, body: dict[str, object]) -> float:
    started = time.perf_counter()
    client.post(path, json=body).raise_for_status()
    return time.perf_counter() - started


def _timed_stream(client: httpx.Client, corpus: str, question: str) -> tuple[float, float]:
    body = {"model": corpus, "stream": True, "messages": [{"role": "user", "content": question}]}
    started = time.perf_counter()
    first = 0.0
    with client.stream("POST", "/v1/chat/completions", json=body) as reply:
        reply.raise_for_status()
        for line in reply.iter_lines():
            if line.startswith("data:") and not first:
                first = time.perf_counter() - started
    return first, time.perf_counter() - started
