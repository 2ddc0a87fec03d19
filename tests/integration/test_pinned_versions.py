"""What a question finds at a pinned version stays the same while other versions are built and published."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingestion.bootstrap import open_worker
from rag_service.bootstrap import Container
from rag_service.domain.access import system_scope
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.ids import DocumentId, Fingerprint, PointId
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.use_cases.searching.options import SearchOptions
from tests.integration.desk import Desk, held
from tests.integration.edge_desk import accept_rows, edge_desk
from tests.made_rows import made_question, made_rows

# Only what is asked exactly may then look at every point.
GRAPH_ALWAYS = {"RAG_RETRIEVAL__EXACT_BELOW": "0"}
QUESTIONS = [made_question(number) for number in range(0, 1_000, 200)]
NEXT = "next"
_PAUSE_S = 0.3

Found = list[list[tuple[str, float, float, float]]]


class WatchedIndex:
    """An index after every change of which something is done."""

    def __init__(self, inner: VectorIndex, then: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._then = then

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        await self._inner.write(fingerprint, points)
        await self._then()

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        await self._inner.retire(fingerprint, ids, at=at)
        await self._then()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize("chunk_count", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
async def test_a_pinned_version_answers_the_same_before_during_and_after_the_building_of_the_next(
    chunk_count: int, migrated: Path
) -> None:
    async with edge_desk(migrated, **GRAPH_ALWAYS) as desk:
        await _publish_first(desk, chunk_count)
        before = await _found(desk.worker.container, desk, at=1)

        while_building = await _publish_next(desk, chunk_count)

        assert len(while_building) > chunk_count / 512 and all(found == before for found in while_building)
        assert await _found(desk.worker.container, desk, at=2) != before
        assert await _found(desk.worker.container, desk, at=1) == before
        await _optimise(desk)
        async with open_worker(desk.worker.container.settings) as other:
            assert await _found(other.container, desk, at=1) == before


async def _publish_first(desk: Desk, chunk_count: int) -> None:
    await accept_rows(desk, made_rows(range(chunk_count)))
    await desk.work_off()
    await _optimise(desk)
    version = await desk.worker.container.versions.get(desk.admin, corpus=desk.corpus, number=1)
    assert version.version.chunk_count == chunk_count


async def _publish_next(desk: Desk, chunk_count: int) -> list[Found]:
    """Change, add and remove documents; return what was found at version 1 meanwhile."""
    found: list[Found] = []

    async def ask() -> None:
        found.append(await _found(desk.worker.container, desk, at=1))

    parts = desk.worker.container
    draft = await parts.drafts.open(desk.admin, corpus=desk.corpus, name=NEXT)
    for document_id in await _best_documents(desk):
        await parts.drafts.remove_document(desk.admin, corpus=desk.corpus, draft=NEXT, document_id=document_id)
    changed = made_rows(range(1, chunk_count, 3), edition=2) + made_rows(range(chunk_count, chunk_count + 100))
    await _meanwhile(ask, accept_rows(desk, changed, draft=NEXT))
    await desk.ask(draft, SealPurpose.PUBLISH)
    seal = desk.sealing(index=WatchedIndex(parts.index, ask))
    await seal(system_scope(desk.admin.tenant_id), draft.id, still_held=held)
    return found


async def _meanwhile(do: Callable[[], Awaitable[None]], building: Awaitable[object]) -> None:
    task = asyncio.ensure_future(building)
    while not task.done():
        await do()
        await asyncio.wait([task], timeout=_PAUSE_S)
    await task


async def _best_documents(desk: Desk) -> set[DocumentId]:
    """Return the documents that answer the first questions best."""
    search = desk.worker.container.search
    results = [
        await search(desk.admin, corpus=desk.corpus, query=question, options=SearchOptions(limit=1))
        for question in QUESTIONS[:3]
    ]
    return {result.passages[0].document_id for result in results}


async def _found(parts: Container, desk: Desk, *, at: int) -> Found:
    pinned = await parts.search.pin(desk.admin, f"{desk.corpus}@{at}")
    results = [
        await parts.search.at(desk.admin, pinned, text, SearchOptions(limit=10, exact=True)) for text in QUESTIONS
    ]
    return [
        [(one.chunk_id, one.score, one.dense_score, one.sparse_score) for one in result.passages] for result in results
    ]


async def _optimise(desk: Desk) -> None:
    index = desk.worker.container.index
    for fingerprint in await index.builds():
        await index.optimise(fingerprint)
