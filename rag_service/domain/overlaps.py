"""How far the best hits of two engines agree."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rag_service.domain.ids import ChunkId

_SAME_SCORE = 1e-4
"""Engines add up in other orders, and cut ties at the end of a list elsewhere."""


class Scored(Protocol):
    """A chunk with a score on both sides, as an index finds it."""

    @property
    def chunk_id(self) -> ChunkId:
        """The chunk."""

    @property
    def dense_score(self) -> float:
        """The cosine."""

    @property
    def sparse_score(self) -> float:
        """The BM25 score, 0 without a common word."""


def overlap_at(limit: int, ours: Sequence[Scored], theirs: Sequence[Scored]) -> float:
    """Return the mean share, over both sides, of our best `limit` hits that are among theirs, in [0, 1].

    A hit whose score is that of their last one agrees as well: where a tie is cut means nothing. A side without hits of
    ours agrees when theirs has none.
    """
    return (_side(limit, ours, theirs, _dense) + _side(limit, ours, theirs, _sparse)) / 2


def _side(
    limit: int, ours: Sequence[Scored], theirs: Sequence[Scored], score: Callable[[Scored], float | None]
) -> float:
    mine, others = _best(limit, ours, score), _best(limit, theirs, score)
    if not mine:
        return 0.0 if others else 1.0
    last = min(others.values(), default=float("inf"))
    agreeing = [chunk for chunk, value in mine.items() if chunk in others or abs(value - last) <= _SAME_SCORE]
    return len(agreeing) / len(mine)


def _best(limit: int, found: Sequence[Scored], score: Callable[[Scored], float | None]) -> Mapping[ChunkId, float]:
    scored = [(value, one.chunk_id) for one in found if (value := score(one)) is not None]
    return {chunk: value for value, chunk in sorted(scored, key=lambda each: (-each[0], each[1]))[:limit]}


def _dense(one: Scored) -> float | None:
    return one.dense_score


def _sparse(one: Scored) -> float | None:
    return one.sparse_score if one.sparse_score > 0 else None
