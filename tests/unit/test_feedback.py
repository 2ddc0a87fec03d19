"""What the index is asked so that the best passages can be ordered by how they lie, and what happens when it does not answer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag_service.domain.ids import ChunkId, Fingerprint, PointId
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import IndexUnavailable
from rag_service.ports.fusion import Fused, Ranked
from rag_service.ports.vector_index import Candidate
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.searching.affinity import looked_at
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.feedback import Feedback
from rag_service.use_cases.searching.find_candidates import Found
from tests.unit.shelf import BUILD, CORPUS, READER

OTHER = Fingerprint("other")
PINNED = PinnedVersion(corpus=CORPUS, number=2, fingerprint=BUILD)
NO_DEADLINE, SOME_TIME = Deadline(0), Deadline(60)


class Vectors(MemoryIndex):
    """Gives directions in the plane by name; refuses, or hangs, when it is told to."""

    def __init__(self, **degrees: float) -> None:
        super().__init__()
        self.degrees = degrees
        self.asked: list[Sequence[PointId]] = []
        self.refuses = self.hangs = False

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        assert fingerprint in {BUILD, OTHER}
        self.asked.append(ids)
        if self.hangs:
            await asyncio.Event().wait()
        if self.refuses:
            raise IndexUnavailable("gone")
        return {name: direction(self.degrees[name]) for name in ids if name in self.degrees}


def direction(degrees: float) -> DenseVector:
    radians = np.radians(degrees)
    return 3 * np.array([np.cos(radians), np.sin(radians)], dtype=np.float32)


def fused(*scores: float, dense_weight: float = 0.8, names: str = "abcdefghij") -> Fused:
    ranked = [(candidate(name), score) for name, score in zip(names, scores, strict=False)]
    return Fused(ranked=ranked, dense_weight=dense_weight)


def candidate(name: str) -> Candidate:
    return Candidate(point_id=PointId(name), chunk_id=ChunkId(name), dense_score=0.5, sparse_score=1.0)


def names(ranked: Ranked | None) -> str:
    assert ranked is not None
    return "".join(one.chunk_id for one, _ in ranked)


def feedback(index: Vectors, *, weight: float = 0.5) -> Feedback:
    return Feedback(index=index, settings=RetrievalSettings(feedback_weight=weight), counts=SearchCounts())


async def order(
    given: Feedback,
    what: Fused,
    *,
    pinned: PinnedVersion = PINNED,
    by_stand_in: bool = False,
    deadline: Deadline = NO_DEADLINE,
) -> Ranked | None:
    return await given(READER, pinned, what, Found(candidates=[], by_stand_in=by_stand_in), deadline=deadline)


async def test_what_is_unlike_the_two_best_falls_behind() -> None:
    index = Vectors(a=0, b=20, c=150, d=15)

    ranked = await order(feedback(index), fused(1.0, 0.9, 0.8, 0.75))

    assert names(ranked) == "abdc"
    assert index.asked == [["a", "b", "c", "d"]]


async def test_only_the_best_are_read_and_the_others_stay_behind() -> None:
    many = [chr(0x4E00 + place) for place in range(100)]
    index = Vectors(**dict.fromkeys(many, 0.0))
    found = fused(*(0.5 - place / 200 for place in range(100)), names="".join(many))

    ranked = await order(feedback(index, weight=1.0), found)

    [asked] = index.asked
    assert asked == looked_at(found) == many[: len(asked)] and 2 < len(asked) <= 50
    assert names(ranked) == "".join(many)


@pytest.mark.parametrize(("weight", "dense_weight"), [(0.0, 0.8), (0.5, 0.0)])
async def test_the_index_is_not_asked_where_it_counts_nothing(weight: float, dense_weight: float) -> None:
    index, found = Vectors(), fused(0.9, 0.8, 0.7, dense_weight=dense_weight)

    assert await order(feedback(index, weight=weight), found) == found.ranked
    assert index.asked == []


async def test_two_passages_have_nothing_to_be_compared_with() -> None:
    index = Vectors()

    assert names(await order(feedback(index), fused(0.9, 0.8))) == "ab"
    assert index.asked == []


async def test_what_a_stand_in_found_is_left_as_it_is() -> None:
    index, found = Vectors(a=0, b=0, c=0), fused(0.9, 0.8, 0.7)

    assert await order(feedback(index), found, by_stand_in=True) == found.ranked
    assert index.asked == []


@pytest.mark.parametrize("epoch", ["erasures", "rights_epoch"])
async def test_a_repeat_is_answered_without_the_index_until_something_is_erased_or_mended(epoch: str) -> None:
    index = Vectors(a=0, b=20, c=150, d=15)
    again, found = feedback(index), fused(1.0, 0.9, 0.8, 0.75)

    first, second = await order(again, found), await order(again, found)
    assert first == second and len(index.asked) == 1

    await order(again, found, pinned=replace(PINNED, corpus=replace(CORPUS, **{epoch: 1})))
    assert len(index.asked) == 2


async def test_an_index_that_refuses_is_done_without_where_there_is_a_deadline() -> None:
    index = Vectors(a=0, b=0, c=0)
    index.refuses = True

    assert await order(feedback(index), fused(0.9, 0.8, 0.7), deadline=SOME_TIME) is None
    with pytest.raises(IndexUnavailable):
        await order(feedback(index), fused(0.9, 0.8, 0.7))


async def test_a_build_that_cannot_be_read_says_nothing_of_another() -> None:
    index = Vectors(a=0, b=0, c=0)
    index.refuses, other = True, replace(PINNED, fingerprint=OTHER)
    of_both, found = feedback(index), fused(0.9, 0.8, 0.7)
    for _ in range(5):
        assert await order(of_both, found, deadline=SOME_TIME) is None
    index.refuses = False

    assert await order(of_both, found, deadline=SOME_TIME) is None
    assert await order(of_both, found, pinned=other, deadline=SOME_TIME) is not None


async def test_an_index_that_hangs_is_not_waited_for() -> None:
    index = Vectors(a=0, b=0, c=0)
    index.hangs = True

    assert await order(feedback(index), fused(0.9, 0.8, 0.7), deadline=Deadline(0.05)) is None


async def test_points_that_are_gone_fall_behind() -> None:
    ranked = await order(feedback(Vectors(a=0, c=170)), fused(1.0, 0.95, 0.9))

    assert names(ranked) == "acb"
    assert names(await order(feedback(Vectors()), fused(1.0, 0.95, 0.9))) == "abc"
