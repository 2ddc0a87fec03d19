"""Two builds at once: of one corpus they come one after the other, of two corpora side by side."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import Draft, SealPurpose
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.versions import Version
from rag_service.errors import SlotTaken
from rag_service.ports.vector_index import Point, VectorIndex
from tests.integration.desk import DOCUMENTS, Desk, held


class SlowIndex:
    """An index whose writes end only when they are let through; `begun` tells of each."""

    def __init__(self, inner: VectorIndex) -> None:
        self._inner = inner
        self.begun: asyncio.Queue[CorpusId] = asyncio.Queue()
        self.go_on = asyncio.Event()

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        self.begun.put_nowait(points[0].corpus_id)
        await self.go_on.wait()
        await self._inner.write(fingerprint, points)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    return await _desk(worker, admin, "fruit")


async def test_of_two_builds_of_one_corpus_the_second_waits_and_both_are_published(desk: Desk) -> None:
    index = SlowIndex(desk.worker.container.index)
    first = await _draft(desk, "first", {"a": "Apples are green."})
    second = await _draft(desk, "second", {"d": "Dates are sweet."})
    sealing = asyncio.create_task(_seal(desk, first, index))
    await index.begun.get()

    with pytest.raises(SlotTaken):
        await _seal(desk, second, index)
    index.go_on.set()
    numbers = [(await sealing).number, (await _seal(desk, second, index)).number]

    assert numbers == [2, 3]
    assert await desk.worker.container.reconcile.everything() == []
    assert await desk.texts() == {"Apples are green.", DOCUMENTS["b"], DOCUMENTS["c"], "Dates are sweet."}


async def test_two_workers_on_one_build_make_one_version(desk: Desk) -> None:
    index = SlowIndex(desk.worker.container.index)
    draft = await _draft(desk, "spring", {"a": "Apples are green."})
    both = [asyncio.create_task(_seal(desk, draft, index)) for _ in range(2)]
    await index.begun.get()
    index.go_on.set()

    versions = await asyncio.gather(*both)

    assert [version.number for version in versions] == [2, 2]
    assert await desk.worker.container.reconcile.everything() == []
    assert await desk.texts() == {"Apples are green.", DOCUMENTS["b"], DOCUMENTS["c"]}


async def test_builds_of_two_corpora_run_side_by_side(desk: Desk) -> None:
    index = SlowIndex(desk.worker.container.index)
    other = await _desk(desk.worker, desk.admin, "vegetables")
    drafts = [await _draft(one, "spring", {"a": "Apples are green."}) for one in (desk, other)]

    both = [asyncio.create_task(_seal(desk, draft, index)) for draft in drafts]
    begun = {await index.begun.get() for _ in drafts}
    index.go_on.set()

    assert begun == {draft.corpus_id for draft in drafts}
    assert [version.number for version in await asyncio.gather(*both)] == [2, 2]


async def _desk(worker: Worker, admin: AccessScope, corpus: str) -> Desk:
    desk = Desk(worker=worker, admin=admin, corpus=corpus)
    await worker.container.create_corpus(admin, name=corpus)
    await desk.publish(DOCUMENTS)
    return desk


async def _draft(desk: Desk, name: str, uploads: dict[str, str]) -> Draft:
    draft = await desk.hold(name, uploads=uploads)
    await desk.ask(draft, SealPurpose.PUBLISH)
    return draft


async def _seal(desk: Desk, draft: Draft, index: SlowIndex) -> Version:
    return await desk.sealing(index=index)(system_scope(desk.admin.tenant_id), draft.id, still_held=held)
