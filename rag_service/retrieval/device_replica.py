"""A structure with a copy on a device, which answers for it as long as the device does.

FAISS's own GPU kernels take a selector and ignore it. Where that is so the copy holds what one class of access sees of
one corpus version, chosen by what is asked most; every other filter goes to the structure on the processor.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import structlog
from numpy.typing import NDArray

from rag_service.errors import IndexUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.dense_structure import Allowed, CpuStructure, DenseStructure, Neighbours
from rag_service.retrieval.device_thread import DeviceThread
from rag_service.retrieval.faiss_device import Device, DeviceRows, obeys_selectors

if TYPE_CHECKING:
    from concurrent.futures import Future

log = structlog.get_logger()

_ASKED_BEFORE_COPYING = 8
_CLASSES_COUNTED = 64
_EVERYTHING = b"everything"
_TIMEOUT_S = 0.5
"""The processor takes over within a second, the search itself included."""

_TRY_AGAIN_S = 30.0
_MOST_ROWS = 2_048  # that a kernel of FAISS finds at once

_Clock = Callable[[], float]


class DeviceReplicas:
    """A `Place`: gives each new structure a copy on one device. Probes once whether the device obeys selectors."""

    def __init__(self, device: Device, *, clock: _Clock = time.monotonic) -> None:
        self._device = device
        self._thread = DeviceThread()
        self._clock = clock
        self.obeys_selectors = self._thread.run(lambda: obeys_selectors(device)).result()
        log.info("index_device_ready", obeys_selectors=self.obeys_selectors)

    def __call__(self, structure: CpuStructure, vectors: DenseVector) -> DenseStructure:
        return DeviceReplica(structure, vectors, self)

    def copied(self, vectors: DenseVector) -> "Future[DeviceRows]":
        """Copy vectors to the device, in its thread."""
        return self._thread.run(lambda: self._device.load(_of_length_one(vectors)))

    def search(self, rows: DeviceRows, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        """Search on the device, or raise IndexUnavailable within half a second."""
        return self._thread.search(rows, vectors, limit, allowed=allowed, timeout_s=_TIMEOUT_S)

    def now_s(self) -> float:
        """Return the time by a clock that never jumps."""
        return self._clock()


@dataclass(frozen=True, eq=False)
class _Copy:
    """What is on the device: the rows of a class, or all of them."""

    of: bytes
    rows: NDArray[np.int64] | None
    loading: "Future[DeviceRows]"


class DeviceReplica:
    """DenseStructure that asks the device where it has a copy of what is wanted, and the processor otherwise."""

    def __init__(self, structure: CpuStructure, vectors: DenseVector, replicas: DeviceReplicas) -> None:
        self._structure = structure
        self._vectors = vectors
        self._replicas = replicas
        self._asked: OrderedDict[bytes, int] = OrderedDict()
        self._copy: _Copy | None = None
        self._lost_until_s = -float("inf")
        self._changing = Lock()

    @property
    def size(self) -> int:
        return self._structure.size

    @property
    def oversampling(self) -> float:
        return self._structure.oversampling

    def search(self, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        copy = self._copy_for(allowed) if limit <= _MOST_ROWS else None
        if copy is not None:
            try:
                return self._on_device(copy, vectors, limit, allowed)
            except IndexUnavailable as exc:
                self._lose(str(exc))
        return self._structure.search(vectors, limit, allowed=allowed)

    def _on_device(self, copy: _Copy, vectors: DenseVector, limit: int, allowed: Allowed | None) -> Neighbours:
        selector = allowed if copy.rows is None else None
        found = self._replicas.search(copy.loading.result(), vectors, limit, allowed=selector)
        rows = found.rows if copy.rows is None else np.where(found.rows < 0, -1, copy.rows[found.rows])
        if allowed is not None and not _all_allowed(rows, allowed):
            raise IndexUnavailable("The device returned a row that the filter leaves out.")
        return Neighbours(found.scores, rows)

    def _copy_for(self, allowed: Allowed | None) -> _Copy | None:
        """Return the copy that can answer, None when there is none yet, and see to it that one will be there."""
        if self._replicas.now_s() < self._lost_until_s or (allowed is not None and not allowed.count):
            return None
        wanted = _EVERYTHING if allowed is None or self._replicas.obeys_selectors else _digest(allowed)
        with self._changing:
            if self._copy is None or (self._copy.of != wanted and self._is_asked_more(wanted)):
                self._copy = self._begin_copy(wanted, allowed)
            copy = self._copy
        if copy.of != wanted or not copy.loading.done():
            return None
        if (failure := copy.loading.exception()) is not None:
            self._lose(str(failure))
            return None
        return copy

    def _is_asked_more(self, wanted: bytes) -> bool:
        """Count a question about a class that is not on the device; say whether it is asked again and again."""
        self._asked[wanted] = self._asked.get(wanted, 0) + 1
        self._asked.move_to_end(wanted)
        while len(self._asked) > _CLASSES_COUNTED:
            self._asked.popitem(last=False)
        return self._asked[wanted] >= _ASKED_BEFORE_COPYING

    def _begin_copy(self, wanted: bytes, allowed: Allowed | None) -> _Copy:
        self._asked.clear()
        if wanted == _EVERYTHING or allowed is None:
            return _Copy(wanted, None, self._replicas.copied(self._vectors))
        rows = _rows_of(allowed, len(self._vectors))
        return _Copy(wanted, rows, self._replicas.copied(self._vectors[rows]))

    def _lose(self, reason: str) -> None:
        log.error("index_device_lost", reason=reason)
        with self._changing:
            self._copy = None
            self._lost_until_s = self._replicas.now_s() + _TRY_AGAIN_S


def _digest(allowed: Allowed) -> bytes:
    # Not a quick checksum: two filters with one name would show one's rows to the other.
    return hashlib.blake2b(allowed.bits.tobytes(), digest_size=16).digest()


def _rows_of(allowed: Allowed, count: int) -> NDArray[np.int64]:
    return np.flatnonzero(np.unpackbits(allowed.bits, count=count, bitorder="little"))


def _all_allowed(rows: NDArray[np.int64], allowed: Allowed) -> bool:
    found = rows[rows >= 0]
    return bool((allowed.bits[found >> 3] >> (found & 7).astype(np.uint8) & 1).all())


def _of_length_one(vectors: DenseVector) -> DenseVector:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    normal: DenseVector = np.ascontiguousarray(vectors / lengths, dtype=np.float32)
    return normal
