"""Huge uploads pass through in pieces: no process holds one whole."""

import threading
from collections.abc import Iterator
from typing import Any, Self

import httpx
import psutil
import pytest

from rag_service.reasons import ReasonCode
from tests.faults.uploading import new_corpus, settled
from tests.running import RunningService

MIB = 2**20
UPLOAD_MIB = 256
BOUNDARY = b"a-boundary"
LINE = b"A line of sixty-four bytes, so that a mebibyte is a multiple.".ljust(63) + b"\n"


class _Peaks:
    """The largest resident memory of each process of the service, sampled while it is open."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before: dict[str, int] = self._sample()
        self.peaks = dict(self.before)
        self.stored: dict[str, Any] = {}
        self.outcome: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def __repr__(self) -> str:
        return ", ".join(f"{module}: {peak // MIB} MiB" for module, peak in sorted(self.peaks.items()))

    def grown_mib(self, module: str) -> float:
        return (self.peaks[module] - self.before[module]) / MIB

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for module, resident in self._sample().items():
                self.peaks[module] = max(resident, self.peaks.get(module, 0))

    def _sample(self) -> dict[str, int]:
        resident: dict[str, int] = {}
        for process in self._root.children(recursive=True):
            try:
                module = _module(process.cmdline())
                resident[module] = resident.get(module, 0) + process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return resident


def _module(arguments: list[str]) -> str:
    return arguments[arguments.index("-m") + 1] if "-m" in arguments else "other"


def _form(mebibytes: int) -> Iterator[bytes]:
    head = b'Content-Disposition: form-data; name="%b"%b\r\n\r\n'
    yield b"--" + BOUNDARY + b"\r\n" + head % (b"purpose", b"") + b"assistants\r\n"
    yield b"--" + BOUNDARY + b"\r\n" + head % (b"file", b'; filename="huge.txt"')
    for _ in range(mebibytes * 4):
        yield LINE * (MIB // 4 // len(LINE))
    yield b"\r\n--" + BOUNDARY + b"--\r\n"


def _upload(client: httpx.Client, mebibytes: int) -> httpx.Response:
    content_type = {"content-type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
    return client.post("/v1/files", content=_form(mebibytes), headers=content_type)


@pytest.fixture(scope="module")
def peaks(service: RunningService) -> _Peaks:
    """Memory while a text of 256 MiB, whose length was not declared, is uploaded, read and refused."""
    with service.client() as client, _Peaks(psutil.Process(service.process.pid)) as watched:
        stored = _upload(client, UPLOAD_MIB).raise_for_status().json()
        corpus = new_corpus(client, "huge")
        client.post(f"/v1/vector_stores/{corpus}/files", json={"file_id": stored["id"]}).raise_for_status()
        watched.outcome = settled(client, corpus, {"huge.txt": stored["id"]})["huge.txt"]
        watched.stored = stored
    return watched


def test_the_whole_of_it_is_stored(peaks: _Peaks) -> None:
    assert peaks.stored["bytes"] == UPLOAD_MIB * MIB


def test_the_api_grows_by_at_most_64_mib(peaks: _Peaks) -> None:
    assert peaks.grown_mib("rag_service.server") <= 64


def test_worker_and_parser_stay_within_one_and_a_half_gib(peaks: _Peaks) -> None:
    assert (peaks.peaks["ingestion.worker"] + peaks.peaks.get("ingestion.parsing.isolation.child", 0)) / MIB <= 1536


def test_more_text_than_the_limit_is_refused_with_its_reason(peaks: _Peaks) -> None:
    assert peaks.outcome["last_error"]["reason"] == ReasonCode.TOO_LARGE


@pytest.mark.slow
def test_a_gibibyte_is_refused_where_it_passes_the_limit_and_nothing_of_it_is_held(service: RunningService) -> None:
    with service.client() as client, _Peaks(psutil.Process(service.process.pid)) as watched:
        reply = _upload(client, 1024)

    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")
    assert watched.grown_mib("rag_service.server") <= 64
    assert [path for path in service.data_dir.glob("blobs/*/incoming/**/*") if path.is_file()] == []
