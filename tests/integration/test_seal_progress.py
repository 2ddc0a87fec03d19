"""How far a seal is, for those who watch its job."""

import asyncio
from collections.abc import Sequence

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.ids import Fingerprint
from rag_service.domain.jobs import Job, JobKind
from rag_service.domain.pages import PageRequest
from rag_service.ports.vector_index import Point
from rag_service.use_cases import build_points
from tests.integration.desk import DOCUMENTS, Desk, held


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(build_points, "BATCH_MEMBERS", 1)
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(DOCUMENTS)
    return desk


async def test_a_seal_and_its_undoing_tell_of_every_batch_of_chunks(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": "Apples are green.", "d": "Dates are sweet."}, removals=("b",))
    await desk.ask(draft, SealPurpose.PREVIEW)
    scope, told = system_scope(desk.admin.tenant_id), []

    await desk.sealing()(scope, draft.id, still_held=held, on_chunks=lambda *done: told.append(done))
    await desk.unsealing()(scope, draft.id, still_held=held, on_chunks=lambda *done: told.append(done))

    # Two are born and two die: the new a and d, the old a and b.
    assert told == 2 * [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


async def test_the_job_of_a_seal_shows_its_stage(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = desk.worker.container
    await desk.upload("e", "Elderberries are black.")
    await desk.prepare()
    await desk.worker.runner.enqueue_due_seals()
    seen = asyncio.Event()
    write = parts.index.write

    async def slow(fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        await seen.wait()
        await write(fingerprint, points)

    monkeypatch.setattr(parts.index, "write", slow)
    running = asyncio.create_task(desk.worker.runner.run_next())
    while (job := await newest_seal(desk)).stage is None:
        assert not running.done()
        await asyncio.sleep(0.01)
    seen.set()
    await running

    assert (job.stage, job.done, job.total) == ("index", 0, 1)


async def newest_seal(desk: Desk) -> Job:
    async with desk.worker.container.catalog.reading() as tx:
        return (await tx.jobs.list(desk.admin, PageRequest(limit=1), kind=JobKind.SEAL_DRAFT)).items[0]
