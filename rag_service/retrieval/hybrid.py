"""Hybrid search without an engine: which lists to ask for, and what the answers come to.

`hybrid_search` yields what it wants to know and is sent the answers, so that an engine in this process and a server
far away are asked the same things. `asked` drives it where answers come at once, `asked_apart` where they are awaited.
"""

from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from rag_service.domain.ids import ChunkId, PointId
from rag_service.ports.vector_index import Candidate

EngineId = UUID | int | str
"""A point's id as the engine gives it: writing out the UUID of every hit takes a twentieth of a search."""

_SPARE = 4  # hits past the cut, so that those that tie there seldom need a second look
_FIRST_TIED = 4
_MORE_TIED = 4
_MOST_TIED = 10_000


class Side(Enum):
    """One of the two vectors."""

    DENSE = "dense"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True)
class Best:
    """Asks for the visible points with the highest scores on a side, each with its chunk."""

    side: Side
    limit: int
    exact: bool


@dataclass(frozen=True, slots=True)
class ScoresOf:
    """Asks for the scores of points that passed the filter a moment ago; those without a score may be left out."""

    side: Side
    points: tuple[EngineId, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A point with its score; in the answer to `ScoresOf` nobody looks at the chunk."""

    point: EngineId
    score: float
    chunk_id: ChunkId


Wish = Best | ScoresOf
Answers = Sequence[Sequence[Hit]]
Hybrid = Generator[list[Wish], Answers, list[Candidate]]


def hybrid_search(*, limit: int, sides: Collection[Side], exact: bool) -> Hybrid:
    """Return the best `limit` points of each side by chunk id, each with its true score on both.

    `exact` asks for full scans. `sides` are those that the query has.
    """
    if not sides:
        return []
    asked_for = [side for side in Side if side in sides]
    answers = yield [Best(side, limit + _SPARE, exact) for side in asked_for]
    best: dict[Side, list[Hit]] = {side: [] for side in Side}
    for side, found in zip(asked_for, answers, strict=True):
        best[side] = yield from _cut(side, found, limit)
    if Side.DENSE in sides and not exact and len(best[Side.DENSE]) < limit:
        # A filtered graph walk that ends early has lost its way; the estimate says that more match.
        best[Side.DENSE] = yield from _exactly(Side.DENSE, limit)
    best[Side.SPARSE] = [hit for hit in best[Side.SPARSE] if hit.score > 0]
    return (yield from _scored_on_both_sides(best, sides))


def asked(search: Hybrid, answer: Callable[[list[Wish]], Answers]) -> list[Candidate]:
    """Return what a search comes to when `answer` answers it."""
    try:
        wishes = next(search)
        while True:
            wishes = search.send(answer(wishes))
    except StopIteration as end:
        return list(end.value)


async def asked_apart(search: Hybrid, answer: Callable[[list[Wish]], Awaitable[Answers]]) -> list[Candidate]:
    """Return what a search comes to when `answer` answers it in its own time."""
    try:
        wishes = next(search)
        while True:
            wishes = search.send(await answer(wishes))
    except StopIteration as end:
        return list(end.value)


def _cut(side: Side, found: Sequence[Hit], limit: int) -> Generator[list[Wish], Answers, list[Hit]]:
    hits = _in_order(found)
    if _is_cut_clear(hits, limit):
        return hits[:limit]
    return (yield from _exactly(side, limit))


def _exactly(side: Side, limit: int) -> Generator[list[Wish], Answers, list[Hit]]:
    """Ask for more until the hits that tie with the last one wanted are all there, so that the chunk id decides."""
    wanted = _FIRST_TIED * limit
    while True:
        [found] = yield [Best(side, wanted, exact=True)]
        hits = _in_order(found)
        if _is_cut_clear(hits, limit) or wanted > _MOST_TIED or len(hits) < wanted:
            return hits[:limit]
        wanted *= _MORE_TIED


def _is_cut_clear(hits: list[Hit], limit: int) -> bool:
    return len(hits) <= limit or hits[-1].score < hits[limit - 1].score


def _in_order(hits: Sequence[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))


def _scored_on_both_sides(
    best: Mapping[Side, list[Hit]], sides: Collection[Side]
) -> Generator[list[Wish], Answers, list[Candidate]]:
    scores = {side: {hit.point: hit.score for hit in hits} for side, hits in best.items()}
    everything = {hit.point: hit.chunk_id for hits in best.values() for hit in hits}
    wishes = [ScoresOf(side, tuple(everything.keys() - scores[side].keys())) for side in Side if side in sides]
    wanted = [wish for wish in wishes if wish.points]
    if wanted:
        answers = yield list(wanted)
        for wish, hits in zip(wanted, answers, strict=True):
            scores[wish.side].update({hit.point: hit.score for hit in hits})
    # Who asks a server twice may find that a point was removed in between: then it has no dense score any more.
    still_there = scores[Side.DENSE].keys() if Side.DENSE in sides else everything.keys()
    by_chunk = {chunk_id: point for point, chunk_id in everything.items() if point in still_there}
    return [_candidate(point, chunk_id, scores) for chunk_id, point in sorted(by_chunk.items())]


def _candidate(point: EngineId, chunk_id: ChunkId, scores: dict[Side, dict[EngineId, float]]) -> Candidate:
    return Candidate(
        point_id=PointId(str(point)),
        chunk_id=chunk_id,
        # An engine leaves out what shares no term, and is not asked for a side that the query does not have.
        dense_score=max(-1.0, min(1.0, scores[Side.DENSE].get(point, 0.0))),
        sparse_score=scores[Side.SPARSE].get(point, 0.0),
    )
