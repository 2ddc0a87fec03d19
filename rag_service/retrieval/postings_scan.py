"""The rows that words score highest: all postings of a question's terms are added up, then the best rows are picked out.

Skipping postings that cannot matter any more (MaxScore: Turtle, Flood 1995) was tried and is slower: docs/adr/0027-faiss.md.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag_service.ports.vectors import SparseVector
from rag_service.retrieval.compiled import compiled
from rag_service.retrieval.postings import Rows, Segment, Weights

_BLOCK = 256

Scores = Weights
"""For each row the inner product with what was asked, at least 0: of hidden rows too."""


def scores_of(segments: Sequence[Segment], asked: SparseVector, *, row_count: int) -> Scores:
    """Return the scores of all rows; weights that are not above zero count nothing."""
    scores = np.zeros(row_count, dtype=np.float32)
    # Arrays out of a message cannot be written to: for these the loop would be compiled once more.
    terms, weights = asked.indices.copy(), asked.values.copy()
    for each in segments:
        _add(each.terms, each.starts, each.rows, each.weights, terms, weights, scores)
    return scores


def highest(scores: Scores, visible: NDArray[np.bool_], limit: int) -> NDArray[np.int64]:
    """Return rows, ascending, with the best `limit` visible ones that have a score among them, and what ties with the last.

    There may be some more. Each of the `limit` best blocks of rows has one row as good as its best: what is
    below the least of those is not looked at again.
    """
    best = np.empty(-(-scores.size // _BLOCK), dtype=np.int32)
    # Floating-point numbers above zero have the order of their bits, and whole numbers are compared many at once.
    bits = scores.view(np.int32)
    _best_of_blocks(bits, visible, best)
    least = np.partition(best, -limit)[-limit] if limit < best.size else 0
    # One type, whatever was least: for another one the loop would be compiled during a search.
    return _at_least(bits, visible, best, int(max(least, 1)))


@compiled
def _add(
    terms: NDArray[np.uint32],
    starts: NDArray[np.int64],
    rows: Rows,
    weights: Weights,
    asked: NDArray[np.uint32],
    asked_weights: Weights,
    scores: Scores,
) -> None:
    for place in range(asked.size):
        term = np.searchsorted(terms, asked[place])
        if term == terms.size or terms[term] != asked[place]:
            continue
        weight = asked_weights[place]
        for posting in range(starts[term], starts[term + 1]):
            scores[rows[posting]] += max(weights[posting] * weight, np.float32(0))


@compiled
def _best_of_blocks(bits: NDArray[np.int32], visible: NDArray[np.bool_], best: NDArray[np.int32]) -> None:
    for block in range(best.size):
        some, seen = bits[block * _BLOCK : (block + 1) * _BLOCK], visible[block * _BLOCK : (block + 1) * _BLOCK]
        highest_bits = np.int32(0)
        for row in range(some.size):
            highest_bits = max(highest_bits, some[row] * np.int32(seen[row]))
        best[block] = highest_bits


@compiled
def _at_least(
    bits: NDArray[np.int32], visible: NDArray[np.bool_], best: NDArray[np.int32], least: int
) -> NDArray[np.int64]:
    kept = np.empty(_BLOCK * np.count_nonzero(best >= least), dtype=np.int64)
    count = 0
    for block in range(best.size):
        if best[block] >= least:
            for row in range(block * _BLOCK, min((block + 1) * _BLOCK, bits.size)):
                if bits[row] >= least and visible[row]:
                    kept[count] = row
                    count += 1
    return kept[:count]
