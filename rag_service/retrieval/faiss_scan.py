"""True cosines of single rows, and the best of many scores."""

import heapq

import numpy as np
from numpy.typing import NDArray

from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.compiled import compiled

# Equal vectors must tie. Sums in 64 bits keep what is not equal apart from it.
_STEPS_PER_UNIT = 1e7


def cosines(
    vectors: DenseVector, lengths: NDArray[np.float64], rows: NDArray[np.int64], asked: DenseVector
) -> NDArray[np.float64]:
    """Return the cosine with `asked`, in [-1, 1], of each of `rows`; `lengths` are those of `vectors`."""
    wanted = asked.astype(np.float64)
    return _cosines(vectors, lengths, rows, wanted / np.linalg.norm(wanted), _STEPS_PER_UNIT)


def best(
    rows: NDArray[np.int64], scores: NDArray[np.float64], limit: int, ids: NDArray[np.bytes_]
) -> NDArray[np.int64]:
    """Return the `limit` of `rows` with the highest scores, best first; `ids` of rows break ties."""
    places = _at_least_last(scores, limit)
    rows, scores = rows[places], scores[places]
    return rows[np.lexsort((ids[rows], -scores))[:limit]]


@compiled
def _cosines(
    vectors: DenseVector,
    lengths: NDArray[np.float64],
    rows: NDArray[np.int64],
    asked: NDArray[np.float64],
    steps: float,
) -> NDArray[np.float64]:
    scores = np.empty(rows.size)
    for place in range(rows.size):
        vector = vectors[rows[place]]
        total = 0.0
        for column in range(asked.size):
            total += vector[column] * asked[column]
        score = np.rint(total / lengths[rows[place]] * steps) / steps
        scores[place] = min(1.0, max(-1.0, score))
    return scores


@compiled
def _at_least_last(scores: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Return where the `limit` highest scores are, and all others that tie with the last one."""
    if scores.size <= limit:
        return np.arange(scores.size)
    highest = [scores[place] for place in range(limit)]
    heapq.heapify(highest)
    last = highest[0]
    for place in range(limit, scores.size):
        if scores[place] > last:
            heapq.heapreplace(highest, scores[place])
            last = highest[0]
    return np.flatnonzero(scores >= last)
