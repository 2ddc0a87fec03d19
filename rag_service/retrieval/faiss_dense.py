"""Structures of the FAISS library on the processor: 8-bit codes, scanned or behind a graph, and lists of 4-bit codes.

Lists of 4-bit codes (product quantisation; André, Kermarrec, Le Scouarnec, "Quicker ADC", 2019) are scanned by table look-ups in registers of the
processor: ten times as many a second as other codes, and at the same speed whatever a filter lets pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil, isqrt
from typing import Any, Literal

import faiss
import numpy as np

from rag_service.errors import IndexUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.dense_structure import Allowed, Neighbours
from rag_service.retrieval.picked_vectors import PickedVectors

Kind = Literal["flat", "hnsw", "ivf"]
KindOrAuto = Literal["auto", "flat", "hnsw", "ivf"]

_FLAT_BELOW = 50_000
_LINKS = 16
_EF_BUILD = 100
# Measured on 100,000 and a million chunks, so that of the ten nearest about 98 % are found: docs/adr/0027-faiss.md.
_LEAST_STEPS = 256
_STEPS_GROW_FROM = 100_000
_STEPS_GROW_BY = 0.9
_STEPS_PER_HIT = 2.0
# What a step of the graph's walk costs in vectors of a scan: it jumps through memory and looks at many neighbours.
_SCANNED_PER_STEP = 30.0
_FEWEST_PER_LIST = 39  # below, the library warns that it cannot learn where lists lie
# Measured on 56,000 chunks of real documents of many kinds, which lie in fewer clusters than those made for a million: ibidem.
_LEAST_LISTS = 320
_LEAST_SHARE_OF_LISTS = 0.25
_LOOKED_AT_PER_HIT = 8.0
_BITS = 4
_DIMENSIONS_PER_CODE = 2
_OVERSAMPLING: dict[Kind, float] = {"flat": 1.5, "hnsw": 1.5, "ivf": 6.0}
_TRAINED_WITH = 100_000
_ADDED_AT_ONCE = 8_192


class FaissStructure:
    """CpuStructure of a kind."""

    def __init__(self, index: Any, kind: Kind) -> None:
        self.index = index
        self.kind = kind
        self.oversampling = _OVERSAMPLING[kind]

    @property
    def size(self) -> int:
        count: int = self.index.ntotal
        return count

    def search(self, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        selector = None if allowed is None else faiss.IDSelectorBitmap(allowed.bits)
        matching = self.size if allowed is None else allowed.count
        with library_errors("search"):
            index, parameters = self._road(limit, matching, selector)
            scores, rows = index.search(np.ascontiguousarray(vectors), limit, params=parameters)
            if self.kind == "ivf" and rows[:, -1].min() < 0:
                # What matches lies in other lists than the nearest: all of them cost little beside an exact scan.
                parameters = faiss.SearchParametersIVF(nprobe=self.index.nlist, sel=selector)
                scores, rows = index.search(np.ascontiguousarray(vectors), limit, params=parameters)
        return Neighbours(scores, rows)

    def _road(self, limit: int, matching: int, selector: Any) -> tuple[Any, Any]:
        share = max(matching, 1) / max(self.size, 1)
        match self.kind:
            case "flat":
                return self.index, faiss.SearchParameters(sel=selector)
            case "hnsw":
                # The walk counts also what it may not return, so it has to be the longer the fewer match.
                steps = ceil(self._least_steps() + _STEPS_PER_HIT * limit / share)
                if steps * _SCANNED_PER_STEP > matching:
                    return faiss.downcast_index(self.index.storage), faiss.SearchParameters(sel=selector)
                return self.index, faiss.SearchParametersHNSW(efSearch=steps, sel=selector)
            case "ivf":
                probed = min(self._lists(limit, matching), self.index.nlist)
                return self.index, faiss.SearchParametersIVF(nprobe=probed, sel=selector)

    def _least_steps(self) -> float:
        times_as_large = max(1.0, self.size / _STEPS_GROW_FROM)
        return float(_LEAST_STEPS * times_as_large**_STEPS_GROW_BY)

    def _lists(self, limit: int, matching: int) -> int:
        count = int(self.index.nlist)
        # A list that is looked at has so many that match: the fewer match, the more lists.
        for_hits = _LOOKED_AT_PER_HIT * limit * count / max(matching, 1)
        return ceil(max(_LEAST_LISTS, _LEAST_SHARE_OF_LISTS * count, for_hits))


def kind_for(count: int, wanted: KindOrAuto) -> Kind:
    """Return the kind of a structure over `count` vectors."""
    if wanted != "auto":
        return wanted
    return "flat" if count < _FLAT_BELOW else "ivf"


def build_structure(kind: Kind, vectors: DenseVector | PickedVectors, *, stopped: Callable[[], bool]) -> FaissStructure:
    """Build a structure over `vectors`, at least one, of any length.

    Raises:
        IndexUnavailable: the library failed, or `stopped` said to end.
    """
    with library_errors("build a structure"):
        index = _empty(kind, count=len(vectors), dimensions=vectors.shape[1])
        index.train(_of_length_one(_sample(vectors)))
        for start in range(0, len(vectors), _ADDED_AT_ONCE):
            if stopped():
                raise IndexUnavailable("The rebuild was given up.")
            index.add(_of_length_one(vectors[start : start + _ADDED_AT_ONCE]))
    return FaissStructure(index, kind)


@contextmanager
def library_errors(action: str) -> Iterator[None]:
    """Translate what the library raises while it does `action`."""
    try:
        yield
    except (RuntimeError, MemoryError, AssertionError) as exc:
        raise IndexUnavailable(f"FAISS could not {action}: {exc}") from exc


def _empty(kind: Kind, *, count: int, dimensions: int) -> Any:
    codes, product = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    match kind:
        case "flat":
            return faiss.IndexScalarQuantizer(dimensions, codes, product)
        case "hnsw":
            index = faiss.IndexHNSWSQ(dimensions, codes, _LINKS, product)
            index.hnsw.efConstruction = _EF_BUILD
            return index
        case "ivf":
            return _empty_lists(count=count, dimensions=dimensions)


def _empty_lists(*, count: int, dimensions: int) -> Any:
    lists = max(1, min(2 * isqrt(count), count // _FEWEST_PER_LIST))
    codes = dimensions // _DIMENSIONS_PER_CODE if dimensions % _DIMENSIONS_PER_CODE == 0 else dimensions
    middles = faiss.IndexFlatIP(dimensions)
    index = faiss.IndexIVFPQFastScan(middles, dimensions, lists, codes, _BITS, faiss.METRIC_INNER_PRODUCT)
    # Few vectors teach little, and need little: the library would warn of it at each small build.
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
    return index


def _sample(vectors: DenseVector | PickedVectors) -> DenseVector:
    """Return vectors from all over the build (neighbours come from one document), at least one for each code."""
    sample = vectors[:: -(-len(vectors) // _TRAINED_WITH)]
    return sample if len(sample) >= 2**_BITS else np.resize(sample, (2**_BITS, vectors.shape[1]))


def _of_length_one(vectors: DenseVector) -> DenseVector:
    long = vectors.astype(np.float64)
    # A gone row may stand there without a direction.
    lengths = np.maximum(np.linalg.norm(long, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    normal: DenseVector = (long / lengths).astype(np.float32)
    return normal
