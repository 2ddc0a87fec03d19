"""The one thread that a device's calls are made by; what waits for it is searched together."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeVar

import numpy as np

from rag_service.errors import IndexUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.dense_structure import Allowed, Neighbours
from rag_service.retrieval.faiss_device import DeviceRows

_AT_ONCE = 64
_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class _Search:
    """One caller's question to rows on the device."""

    rows: DeviceRows
    vectors: DenseVector
    limit: int
    allowed: Allowed | None
    answer: "Future[Neighbours]" = field(default_factory=Future)

    def goes_with(self, other: "_Search") -> bool:
        return self.rows is other.rows and self.limit == other.limit and self.allowed is other.allowed


_Work = Callable[[], None]


class DeviceThread:
    """Makes a device's calls one after the other. It ends with the process."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Search | _Work] = SimpleQueue()
        threading.Thread(target=self._serve, name="faiss-device", daemon=True).start()

    def search(
        self, rows: DeviceRows, vectors: DenseVector, limit: int, *, allowed: Allowed | None, timeout_s: float
    ) -> Neighbours:
        """Search, together with whatever waits for the same rows.

        Raises:
            IndexUnavailable: the device failed, or did not answer within `timeout_s`.
        """
        search = _Search(rows, vectors, limit, allowed)
        self._waiting.put(search)
        try:
            return search.answer.result(timeout_s)
        except TimeoutError as exc:
            search.answer.cancel()
            raise IndexUnavailable(f"The device did not answer within {timeout_s:g} s.") from exc

    def run(self, work: Callable[[], _Result]) -> "Future[_Result]":
        """Have another call made, such as loading rows."""
        answer: Future[_Result] = Future()
        self._waiting.put(lambda: _settle(answer, work))
        return answer

    def _serve(self) -> None:
        ahead: _Search | _Work | None = None
        while True:
            first = ahead or self._waiting.get()
            ahead = None
            if not isinstance(first, _Search):
                first()
                continue
            together = [first]
            while len(together) < _AT_ONCE and (ahead := self._next()) is not None:
                if not (isinstance(ahead, _Search) and ahead.goes_with(first)):
                    break
                together.append(ahead)
                ahead = None
            _answer([search for search in together if search.answer.set_running_or_notify_cancel()])

    def _next(self) -> "_Search | _Work | None":
        try:
            return self._waiting.get_nowait()
        except Empty:
            return None


def _answer(searches: list[_Search]) -> None:
    """Ask the device once for all of them, which go with each other."""
    if not searches:
        return
    first = searches[0]
    try:
        found = first.rows.search(
            np.concatenate([search.vectors for search in searches]), first.limit, allowed=first.allowed
        )
    except IndexUnavailable as exc:
        for search in searches:
            search.answer.set_exception(exc)
        return
    start = 0
    for search in searches:
        end = start + len(search.vectors)
        search.answer.set_result(Neighbours(found.scores[start:end], found.rows[start:end]))
        start = end


def _settle(answer: "Future[_Result]", work: Callable[[], _Result]) -> None:
    try:
        answer.set_result(work())
    except (IndexUnavailable, MemoryError, ValueError) as exc:
        answer.set_exception(exc)
