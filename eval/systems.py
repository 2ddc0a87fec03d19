"""The rankings that one search makes possible: each side alone, rank fusion, and what the service shows."""

from collections.abc import Callable, Mapping, Sequence

from rag_service.api.run_report import SERVED
from rag_service.domain.answers import Passage

Rank = Callable[[Sequence[Passage]], Sequence[Passage]]
"""Puts all candidates of a query, as the service ranks them, into another order. May leave some out."""

DENSE = "dense"
BM25 = "BM25"
PARTS = (DENSE, BM25)
SECOND_LOOK = "with a second look"
"""The default, its first passages ordered by the reranker of the settings within its budget."""

_RANK_CONSTANT = 60
"""Of reciprocal rank fusion, as Cormack et al. 2009 chose it."""

_LISTED = 100
"""As many of each side as the suite asks for: rank fusion knows no rank of what a side did not bring."""


def by_meaning(found: Sequence[Passage]) -> Sequence[Passage]:
    """Return the passages by cosine, ties by chunk id."""
    return sorted(found, key=lambda passage: (-passage.dense_score, passage.chunk_id))


def by_words(found: Sequence[Passage]) -> Sequence[Passage]:
    """Return the passages that share a word with the query by BM25, ties by chunk id."""
    matching = (passage for passage in found if passage.sparse_score > 0)
    return sorted(matching, key=lambda passage: (-passage.sparse_score, passage.chunk_id))


def by_ranks(found: Sequence[Passage]) -> Sequence[Passage]:
    """Return the passages by the sum of 1 / (60 + rank) over the best of both sides, ties by chunk id."""
    sums = dict.fromkeys((passage.chunk_id for passage in found), 0.0)
    for side in (by_meaning(found), by_words(found)):
        for rank, passage in enumerate(side[:_LISTED], start=1):
            sums[passage.chunk_id] += 1 / (_RANK_CONSTANT + rank)
    return sorted(found, key=lambda passage: (-sums[passage.chunk_id], passage.chunk_id))


def as_shown(found: Sequence[Passage]) -> Sequence[Passage]:
    """Return the passages as the service ranks them."""
    return found


SYSTEMS: Mapping[str, Rank] = {DENSE: by_meaning, BM25: by_words, "rank fusion": by_ranks, SERVED: as_shown}
