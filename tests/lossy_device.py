"""A device in main memory that can be lost, full, or deaf to selectors, as a GPU can."""

import threading
from dataclasses import dataclass, field

from rag_service.errors import IndexUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.dense_structure import Allowed, Neighbours
from rag_service.retrieval.faiss_device import DeviceRows, FaissDevice
from tests.patience import PATIENCE_S

MOST_ROWS = 2_048


@dataclass
class Lossy:
    """A device that ignores selectors when `deaf`, fails when `lost`, hangs until `free` is set, and counts calls."""

    deaf: bool = False
    lost: bool = False
    searches: int = 0
    loaded: list[int] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    threads: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.free.set()

    def load(self, vectors: DenseVector) -> DeviceRows:
        self.loaded.append(len(vectors))
        return _LossyRows(self, FaissDevice().load(vectors))


@dataclass
class _LossyRows:
    device: Lossy
    rows: DeviceRows

    def search(self, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        self.device.searches += 1
        self.device.threads.add(threading.current_thread().name)
        self.device.free.wait(PATIENCE_S)
        if self.device.lost:
            raise IndexUnavailable("CUDA error 700")
        if limit > MOST_ROWS:
            raise IndexUnavailable(f"GPU index only supports min/max-K selection up to {MOST_ROWS}")
        return self.rows.search(vectors, limit, allowed=None if self.device.deaf else allowed)
