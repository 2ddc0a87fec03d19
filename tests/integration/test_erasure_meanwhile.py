"""An erasure in the middle of other work: a seal, a held draft, a rollback, a running worker (FAULTS 27)."""

from datetime import timedelta

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.erasures import Erasure
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.errors import Conflict
from tests.integration.crashing import CrashError, CrashingCatalog, CrashingIndex, Fuse
from tests.integration.desk import Desk, held
from tests.integration.erasing import document_id, erase, finished, kept_vector_count, points, rows_with

APPLES, BANANAS = "Apples are red.", "Bananas are yellow."
QUINCES = "Quinces ripen slowly."


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish({"a": APPLES, "quince": QUINCES})
    return desk


async def request(desk: Desk) -> Erasure:
    erased = await document_id(desk, "quince")
    return await desk.worker.container.request_erasure.document(desk.admin, erased)


async def job_of(desk: Desk, erasure: Erasure) -> Job:
    async with desk.worker.container.catalog.reading() as tx:
        return (await tx.jobs.of_subject(system_scope(desk.admin.tenant_id), erasure.id))[0]


async def half_sealed(desk: Desk, *, at: int) -> None:
    """Leave a held draft with a new revision of the document half sealed."""
    parts, fuse = desk.worker.container, Fuse(at=at)
    draft = await desk.hold(uploads={"quince": f"{QUINCES} On a wall.", "b": BANANAS})
    await desk.ask(draft, SealPurpose.PREVIEW)
    sealing = desk.sealing(
        catalog=CrashingCatalog(inner=parts.catalog, fuse=fuse), index=CrashingIndex(inner=parts.index, fuse=fuse)
    )
    with pytest.raises(CrashError):
        await sealing(system_scope(desk.admin.tenant_id), draft.id, still_held=held)
    assert (await desk.draft(draft.id)).state is DraftState.SEALING


async def assert_gone(desk: Desk, *versions: int, left: set[str]) -> None:
    assert [await desk.texts(at=str(number)) for number in versions] == [left] * len(versions)
    assert await rows_with(desk, "uince") == []
    assert await points(desk) == len(left)


async def test_while_a_draft_with_it_is_being_sealed_the_erasure_waits_and_then_goes_on(desk: Desk) -> None:
    await half_sealed(desk, at=8)
    asked = await request(desk)

    # Nobody is at the draft any more: the erasure waits, and has it opened again.
    await desk.worker.runner.run_next()
    assert (await job_of(desk, asked)).state is JobState.WAITING
    await _finished_after_waiting(desk, asked)

    await assert_gone(desk, 1, left={APPLES})


async def test_a_seal_that_goes_on_ends_before_the_erasure_begins(desk: Desk) -> None:
    await half_sealed(desk, at=8)
    asked = await request(desk)
    [draft] = await _drafts(desk, DraftState.SEALING)

    await desk.seal(draft)
    await _finished_after_waiting(desk, asked)

    assert await desk.texts(at="draft") == {APPLES, BANANAS}
    assert await rows_with(desk, "uince") == []
    assert await points(desk) == 2


async def test_an_open_held_draft_loses_its_change_and_keeps_the_others(desk: Desk) -> None:
    draft = await desk.hold(uploads={"quince": f"{QUINCES} On a wall.", "b": BANANAS})

    await erase(desk, "quince")

    assert len(await _changes(desk, draft.id)) == 1
    await desk.seal(draft, SealPurpose.PUBLISH)
    assert await desk.texts() == {APPLES, BANANAS}
    assert await rows_with(desk, "uince") == []


async def test_a_sealed_preview_with_it_stays_askable_without_it_and_can_be_opened_again(desk: Desk) -> None:
    draft = await desk.hold(uploads={"quince": f"{QUINCES} On a wall.", "b": BANANAS})
    await desk.seal(draft, SealPurpose.PREVIEW)

    await erase(desk, "quince")

    assert await desk.texts(at="draft") == {APPLES, BANANAS}
    await desk.unseal(draft)
    assert await desk.texts() == {APPLES}
    assert len(await _changes(desk, draft.id)) == 1


async def test_a_rollback_brings_nothing_back(desk: Desk) -> None:
    await desk.publish({"a": "Apples are green."})

    await erase(desk, "quince")
    await desk.roll_back(1)

    await assert_gone_after_rollback(desk)


async def test_a_rollback_between_request_and_removal_brings_nothing_back(desk: Desk) -> None:
    await desk.publish({"a": "Apples are green."})
    asked = await request(desk)

    await desk.roll_back(1)
    assert await desk.texts() == {APPLES}
    await finished(desk, asked)

    await assert_gone_after_rollback(desk)


async def test_a_seal_after_a_rollback_is_made_without_it(desk: Desk) -> None:
    await desk.publish({"a": "Apples are green."})
    await erase(desk, "quince")
    await desk.roll_back(1)

    await desk.publish({"b": BANANAS})

    assert await desk.texts() == {APPLES, BANANAS}


async def test_a_worker_that_was_at_it_is_waited_for(desk: Desk) -> None:
    await desk.upload("quince", "Quinces are hard.")
    parts = desk.worker.container
    async with parts.catalog.writing() as tx:
        due = await tx.jobs.due([JobKind.PREPARE_REVISION], now=parts.clock(), limit=1)
        await tx.jobs.claim(due, now=parts.clock(), lease=timedelta(seconds=30))

    asked = await request(desk)
    await desk.worker.runner.run_next()

    assert asked.plan.settles_at is not None
    waiting = await job_of(desk, asked)
    assert (waiting.state, waiting.detail) == (JobState.WAITING, "A worker may still be at what is erased.")


async def test_vectors_that_a_stopped_preparation_kept_go_too(desk: Desk) -> None:
    await desk.upload("quince", "Quinces are hard.")
    await desk.worker.vectors.embed(desk.admin.tenant_id, ["Quinces are hard."])
    before = await kept_vector_count(desk)

    await erase(desk, "quince")

    assert (before, await kept_vector_count(desk)) == (3, 1)


async def test_an_erasure_cannot_be_cancelled(desk: Desk) -> None:
    asked = await request(desk)

    with pytest.raises(Conflict):
        await desk.worker.container.jobs.cancel(desk.admin, (await job_of(desk, asked)).id)


async def assert_gone_after_rollback(desk: Desk) -> None:
    assert await desk.texts() == {APPLES}
    assert await rows_with(desk, "uince") == []


async def _finished_after_waiting(desk: Desk, asked: Erasure) -> Erasure:
    """Let the worker do what is due, also what it looks at again only after a while."""
    parts = desk.worker.container
    for _ in range(3):
        await desk.work_off()
        job = await job_of(desk, asked)
        if job.state is JobState.SUCCEEDED:
            break
        async with parts.catalog.writing() as tx:
            later = parts.clock() + timedelta(seconds=5)
            due = await tx.jobs.due([job.kind], now=later, limit=1)
            [claimed] = await tx.jobs.claim(due, now=later, lease=timedelta(seconds=30))
            await tx.jobs.release([claimed], now=parts.clock())
    return await finished(desk, asked)


async def _drafts(desk: Desk, state: DraftState):
    parts = desk.worker.container
    async with parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        return await tx.drafts.list(desk.admin, corpus.id, states=frozenset({state}))


async def _changes(desk: Desk, draft_id):
    async with desk.worker.container.catalog.reading() as tx:
        return await tx.drafts.changes(desk.admin, draft_id)
