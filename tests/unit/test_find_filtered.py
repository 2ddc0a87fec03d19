"""What a filter narrows is the same whether the index is told the documents or its candidates are checked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from rag_service.domain.access import AccessScope
from rag_service.domain.filters import Filter, Scalar, matches, parse_filter
from rag_service.domain.ids import CorpusId
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.vector_index import Candidate, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.find_candidates import FindCandidates
from rag_service.use_cases.searching.find_filtered import FindFiltered
from rag_service.use_cases.searching.options import SearchOptions
from tests.unit.shelf import BUILD, CORPUS, READER, point

POINTS, CANDIDATES = 300, 5
PINNED = PinnedVersion(corpus=CORPUS, number=1, fingerprint=BUILD)
CHANCE = np.random.default_rng(11)
DENSE = CHANCE.normal(size=(POINTS, 4)).astype(np.float32)
WEIGHTS = (CHANCE.integers(1, 9, size=(POINTS, 3)) / 4).astype(np.float32)


class Register:
    """A catalog of one document a chunk, which knows its number and its remainders."""

    def __init__(self) -> None:
        self.documents = self.chunks = self

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        yield self

    async def matching(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        version: int,
        *wanted: Any,
        limit: int | None = None,
    ) -> frozenset[str]:
        ids, passed = wanted if len(wanted) == 2 else ([f"{at:03}" for at in range(POINTS)], *wanted)
        return frozenset([name for name in ids if matches(passed, known(int(name)))][:limit])


class AttentiveIndex(MemoryIndex):
    """Notes how many documents it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int | None] = []

    async def search(self, *asked: Any, among: Visible, **others: Any) -> list[Candidate]:
        self.told.append(None if among.documents is None else len(among.documents))
        return await super().search(*asked, among=among, **others)


def known(number: int) -> dict[str, Scalar]:
    return {"number": float(number), "half": float(number % 2), "tenth": float(number % 10)}


def below(number: int) -> Filter:
    return parse_filter({"type": "lt", "key": "number", "value": number})


def equal(key: str, value: int) -> Filter:
    return parse_filter({"type": "eq", "key": key, "value": value})


async def filled() -> AttentiveIndex:
    index = AttentiveIndex()
    points = [
        # Every second one shares no term with the question.
        point(
            f"{at:03}",
            dense=DENSE[at],
            sparse=SparseVector(indices=np.arange(3, dtype=np.uint32) + 10 * (at % 2), values=WEIGHTS[at]),
        )
        for at in range(POINTS)
    ]
    await index.write(BUILD, points)
    return index


async def found(
    index: MemoryIndex, wanted: Filter, *, most_documents: int, dense: DenseVector | None = DENSE[0]
) -> Sequence[Candidate]:
    settings = RetrievalSettings(candidates=CANDIDATES)
    find = FindFiltered(
        catalog=Register(),  # type: ignore[arg-type]
        find=FindCandidates(index=index, settings=settings, counts=SearchCounts()),
        settings=settings,
        most_documents=most_documents,
    )
    terms = SparseVector(indices=np.arange(3, dtype=np.uint32), values=np.array([1, 0.5, 0.25], np.float32))
    vectors = QueryVectors(dense=dense, sparse=terms)
    options = SearchOptions(limit=3, filters=wanted)
    return (await find(READER, PINNED, vectors, options, deadline=Deadline(0))).candidates


@pytest.mark.parametrize("dense", [DENSE[0], None])
@pytest.mark.parametrize(
    "wanted", [below(300), below(200), below(50), below(7), equal("half", 0), equal("half", 1), equal("tenth", 3)]
)
async def test_both_ways_find_the_same(wanted: Filter, dense: DenseVector | None) -> None:
    index = await filled()

    told = await found(index, wanted, most_documents=POINTS, dense=dense)
    checked = await found(index, wanted, most_documents=1, dense=dense)

    assert checked == told
    assert index.told[0] is not None and index.told[1] is None


async def test_an_index_is_told_of_no_more_documents_than_it_bears_unless_too_few_of_its_candidates_pass() -> None:
    index = await filled()
    for wanted in (equal("half", 0), equal("tenth", 3)):
        await found(index, wanted, most_documents=20)

    assert index.told == [None, None, 30]


async def test_a_filter_that_lets_nothing_pass_finds_nothing() -> None:
    index = await filled()

    assert await found(index, below(0), most_documents=20) == []
    assert index.told == []
