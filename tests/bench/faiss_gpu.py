"""FAISS on a GPU beside the processor: `python -m tests.bench.faiss_gpu [ROWS …]`.

Made-up vectors around 5,000 centres. Prints seconds to load, and milliseconds and recall@10 of a search, alone and 64 at once,
for exact scans and for lists, on the GPU and on the processor: the same code, with and without the device's resources. Without
a GPU the processor's column stands alone.
"""

import sys
import time
from collections.abc import Callable, Iterator

import faiss
import numpy as np
from numpy.typing import NDArray

from rag_service.errors import Misconfigured
from rag_service.retrieval.faiss_device import FaissDevice, obeys_selectors, open_gpu
from tests.bench.telling import tell

_SIZES = (1_000_000, 10_000_000)
_DIMENSIONS = 384
_CENTRES = 5_000
_NOISE = 0.6
_QUERIES = 512
_AT_ONCE = 64
_SHOWN = 10
_BLOCK = 100_000

_Vectors = NDArray[np.float32]


def main(sizes: list[int]) -> None:
    """Measure and print."""
    devices = dict(_devices())
    for name, device in devices.items():
        tell(f"{name}: selectors are {'obeyed' if obeys_selectors(device) else 'ignored'}")
    for size in sizes:
        vectors = _made(size + _QUERIES)
        queries, vectors = vectors[size:], vectors[:size]
        exact = _exact(vectors, queries)
        for name, device in devices.items():
            _measure(f"{name}, {size:,} x {_DIMENSIONS}", device, vectors, queries, exact)


def _devices() -> Iterator[tuple[str, FaissDevice]]:
    try:
        yield "gpu", open_gpu()
    except Misconfigured as exc:
        tell(f"no GPU: {exc}")
    yield "processor", FaissDevice()


def _measure(name: str, device: FaissDevice, vectors: _Vectors, queries: _Vectors, exact: NDArray[np.int64]) -> None:
    started = time.perf_counter()
    rows = device.load(vectors)
    loaded_s = time.perf_counter() - started
    rows.search(queries[:_AT_ONCE], _SHOWN, allowed=None)
    alone_ms = _each_ms(lambda at: rows.search(queries[at : at + 1], _SHOWN, allowed=None), 100)
    together_ms = _each_ms(lambda at: rows.search(_turn(queries, at), _SHOWN, allowed=None), 8)
    found = rows.search(queries, _SHOWN, allowed=None).rows
    recall = np.mean(
        [len({*mine} & {*theirs}) / _SHOWN for mine, theirs in zip(found.tolist(), exact.tolist(), strict=True)]
    )
    tell(
        f"{name}: loaded in {loaded_s:.1f} s, a search {alone_ms:.2f} ms, {_AT_ONCE} at once {together_ms:.2f} ms, "
        f"recall@10 {recall:.4f}"
    )


def _each_ms(search: Callable[[int], object], count: int) -> float:
    started = time.perf_counter()
    for at in range(count):
        search(at)
    return (time.perf_counter() - started) / count * 1000


def _turn(queries: _Vectors, at: int) -> _Vectors:
    start = at * _AT_ONCE % (_QUERIES - _AT_ONCE + 1)
    return queries[start : start + _AT_ONCE]


def _made(count: int) -> _Vectors:
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((_CENTRES, _DIMENSIONS), dtype=np.float32)
    vectors = np.empty((count, _DIMENSIONS), dtype=np.float32)
    for start in range(0, count, _BLOCK):
        block = vectors[start : start + _BLOCK]
        near = centres[generator.integers(0, _CENTRES, size=len(block))]
        block[:] = near + _NOISE * generator.standard_normal(block.shape, dtype=np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return vectors


def _exact(vectors: _Vectors, queries: _Vectors) -> NDArray[np.int64]:
    _, rows = faiss.knn(queries, vectors, _SHOWN, metric=faiss.METRIC_INNER_PRODUCT)
    return np.asarray(rows)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(_SIZES))
