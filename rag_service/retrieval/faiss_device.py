"""A device that FAISS keeps vectors on: a GPU, or its twin in main memory, which is used in the same way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import faiss
import numpy as np

from rag_service.errors import IndexUnavailable, Misconfigured
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.dense_structure import Allowed, Neighbours

_LISTED_FROM = 2_000_000
"""A GPU scans fewer rows in full in a few milliseconds; of more it looks into lists."""

_LISTS = 4_096
_LISTS_LOOKED_INTO = 64
_TRAINED_WITH = 50 * _LISTS
_PROBED = 64


class DeviceRows(Protocol):
    """Vectors on a device, as rows from 0."""

    def search(self, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        """Return the nearest rows of each of `vectors`. Whether `allowed` is obeyed, `obeys_selectors` says."""


class Device(Protocol):
    """One device. One thread makes all its calls: FAISS's GPU indexes are not thread-safe, even for readers.

    Raises:
        IndexUnavailable: the device is lost, has no memory left, or failed.
    """

    def load(self, vectors: DenseVector) -> DeviceRows:
        """Copy vectors of length 1, shape (rows, dimensions), to the device."""


class FaissDevice:
    """Device by FAISS. `resources` are those of a GPU; without them everything stays in main memory."""

    def __init__(self, resources: Any = None) -> None:
        self._resources = resources

    def load(self, vectors: DenseVector) -> DeviceRows:
        with device_errors("copy vectors to the device"):
            index = self._placed(_empty(*vectors.shape))
            if not index.is_trained:
                index.train(vectors[:: -(-len(vectors) // _TRAINED_WITH)])
            index.add(vectors)
        return _FaissRows(index)

    def _placed(self, index: Any) -> Any:
        return index if self._resources is None else faiss.index_cpu_to_gpu(self._resources, 0, index)


class _FaissRows:
    def __init__(self, index: Any) -> None:
        self._index = index

    def search(self, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        with device_errors("search on the device"):
            scores, rows = self._index.search(np.ascontiguousarray(vectors), limit, params=self._params(allowed))
        return Neighbours(scores, rows)

    def _params(self, allowed: Allowed | None) -> Any:
        if allowed is None:
            return None
        selector = faiss.IDSelectorBitmap(allowed.bits)
        if hasattr(self._index, "nprobe"):
            return faiss.SearchParametersIVF(nprobe=self._index.nprobe, sel=selector)
        return faiss.SearchParameters(sel=selector)


def open_gpu() -> FaissDevice:
    """Return the first GPU.

    Raises:
        Misconfigured: there is none, or FAISS was built without GPUs.
    """
    count = getattr(faiss, "get_num_gpus", int)()
    if not count:
        raise Misconfigured(
            "FAISS finds no GPU: install the extra gpu in place of the extra faiss, or set RAG_FAISS__DEVICE=cpu."
        )
    return FaissDevice(faiss.StandardGpuResources())


def obeys_selectors(device: Device) -> bool:
    """Ask a small set of rows for one that a selector leaves out: some builds of FAISS take a selector and ignore it."""
    vectors = np.eye(_PROBED, dtype=np.float32)
    all_but_first = np.ones(_PROBED, dtype=np.bool_)
    all_but_first[0] = False
    allowed = Allowed(np.packbits(all_but_first, bitorder="little"), _PROBED - 1)
    try:
        found = device.load(vectors).search(vectors[:1], _PROBED, allowed=allowed)
    except IndexUnavailable:
        # To refuse one is to obey it: nothing comes back that must not.
        return False
    return 0 not in found.rows


@contextmanager
def device_errors(action: str) -> Iterator[None]:
    """Translate what the library raises when a device fails it."""
    try:
        yield
    except (RuntimeError, MemoryError, AssertionError) as exc:
        raise IndexUnavailable(f"FAISS could not {action}: {exc}") from exc


def _empty(count: int, dimensions: int) -> Any:
    flat = faiss.IndexFlatIP(dimensions)
    if count < _LISTED_FROM:
        return flat
    lists = faiss.IndexIVFFlat(flat, dimensions, _LISTS, faiss.METRIC_INNER_PRODUCT)
    lists.nprobe = _LISTS_LOOKED_INTO
    return lists
