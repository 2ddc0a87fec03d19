"""People cancel jobs and have them tried again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import DocumentId, DraftId, JobId
from rag_service.domain.jobs import Job, JobKind, JobState, new_job
from rag_service.errors import Conflict, LeaseLost
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import (
    CORPUS,
    OURS,
    START,
    SYSTEM,
    add_corpus,
    at,
    hold,
    prepare,
    preview,
    upload,
)
from tests.contract.job_values import UPLOAD, cancel

LEASE = timedelta(seconds=30)
EVERY_KIND = tuple(JobKind)
DOCUMENT = DocumentId("doc_a")


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


@pytest.fixture
async def draft_id(catalog: SqlCatalog) -> DraftId:
    """An uploaded document, its job queued."""
    return await upload(catalog, "a")


async def claim(catalog: SqlCatalog, seconds: float = 0) -> Job:
    async with catalog.writing() as transaction:
        due = await transaction.jobs.due(EVERY_KIND, now=at(seconds), limit=1)
        [taken] = await transaction.jobs.claim(due, now=at(seconds), lease=LEASE)
    return taken


async def retry(catalog: SqlCatalog, job_id: JobId = UPLOAD) -> Job:
    async with catalog.writing() as transaction:
        return await transaction.jobs.retry(SYSTEM, job_id, now=at(9))


async def kill(catalog: SqlCatalog) -> Job:
    """Have the next job die."""
    held = await claim(catalog)
    async with catalog.writing() as transaction:
        dead = await transaction.jobs.fail(
            held.id, held.fence, reason=ReasonCode.DAMAGED, detail="", retry_at=None, now=at(5)
        )
        await transaction.documents.mark_failed(SYSTEM, DOCUMENT, 1, reason=ReasonCode.DAMAGED, detail="")
    return dead


async def changes(catalog: SqlCatalog, draft_id: DraftId) -> list[DraftChange]:
    async with catalog.reading() as transaction:
        return await transaction.drafts.changes(SYSTEM, draft_id)


async def revision_state(transaction: Transaction) -> RevisionState:
    return (await transaction.documents.revision(SYSTEM, DOCUMENT, 1)).state


async def seal_job(catalog: SqlCatalog, draft_id: DraftId) -> Job:
    """A draft that is being sealed, and the job that does it."""
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        await transaction.drafts.start_sealing(SYSTEM, draft_id, START)
        return await transaction.jobs.add(new_job(OURS, JobKind.SEAL_DRAFT, draft_id, now=START, corpus_id=CORPUS))


async def test_a_cancelled_job_is_over_and_its_worker_has_lost_it(catalog: SqlCatalog, draft_id: DraftId) -> None:
    held = await claim(catalog)

    cancelled = await cancel(catalog)

    assert (cancelled.state, cancelled.reason) == (JobState.CANCELLED, ReasonCode.CANCELLED)
    assert (cancelled.fence, cancelled.finished_at) == (held.fence + 1, at(5))
    async with catalog.writing() as transaction:
        with pytest.raises(LeaseLost):
            await transaction.jobs.assert_held(held.id, held.fence)
        assert await transaction.jobs.succeed([held], now=at(6)) == frozenset()


async def test_a_cancelled_upload_fails_and_its_change_leaves_the_draft(catalog: SqlCatalog, draft_id: DraftId) -> None:
    await cancel(catalog)

    async with catalog.reading() as transaction:
        revision = await transaction.documents.revision(SYSTEM, DOCUMENT, 1)
    assert (revision.state, revision.reason) == (RevisionState.FAILED, ReasonCode.CANCELLED)
    assert await changes(catalog, draft_id) == []


async def test_cancelling_twice_is_cancelling_once(catalog: SqlCatalog, draft_id: DraftId) -> None:
    assert await cancel(catalog) == await cancel(catalog)


async def test_a_job_that_is_over_cannot_be_cancelled(catalog: SqlCatalog, draft_id: DraftId) -> None:
    held = await claim(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.succeed([held], now=at(1))

    with pytest.raises(Conflict):
        await cancel(catalog)


async def test_a_draft_whose_seal_is_cancelled_gets_a_job_that_unseals_it(
    catalog: SqlCatalog, draft_id: DraftId
) -> None:
    seal = await seal_job(catalog, draft_id)

    await cancel(catalog, seal.id)

    async with catalog.reading() as transaction:
        newest = (await transaction.jobs.of_subject(SYSTEM, draft_id))[0]
    assert (newest.kind, newest.state, newest.corpus_id) == (JobKind.UNSEAL_DRAFT, JobState.QUEUED, CORPUS)


async def test_a_seal_that_is_cancelled_while_it_takes_back_an_older_one_leaves_no_draft_half_unsealed(
    catalog: SqlCatalog, draft_id: DraftId
) -> None:
    seal = await seal_job(catalog, draft_id)
    async with catalog.writing() as transaction:
        await transaction.drafts.start_unsealing(SYSTEM, draft_id)

    await cancel(catalog, seal.id)

    async with catalog.reading() as transaction:
        newest = (await transaction.jobs.of_subject(SYSTEM, draft_id))[0]
    assert (newest.kind, newest.state) == (JobKind.UNSEAL_DRAFT, JobState.QUEUED)


async def test_a_preview_whose_publish_is_cancelled_is_a_preview_again(catalog: SqlCatalog, draft_id: DraftId) -> None:
    held = await hold(catalog, "b")
    await preview(catalog, held)
    async with catalog.writing() as transaction:
        await transaction.drafts.ask_for_seal(SYSTEM, held, SealPurpose.PUBLISH)
        publish = await transaction.jobs.add(new_job(OURS, JobKind.SEAL_DRAFT, held, now=START))

    await cancel(catalog, publish.id)

    async with catalog.reading() as transaction:
        draft = await transaction.drafts.get(SYSTEM, held)
    assert (draft.state, draft.purpose) == (DraftState.SEALED, SealPurpose.PREVIEW)


async def test_a_seal_that_has_not_begun_leaves_nothing_to_unseal(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        seal = await transaction.jobs.add(new_job(OURS, JobKind.SEAL_DRAFT, draft_id, now=START))

    await cancel(catalog, seal.id)

    async with catalog.reading() as transaction:
        assert [job.kind for job in await transaction.jobs.of_subject(SYSTEM, draft_id)] == [JobKind.SEAL_DRAFT]


async def test_unsealing_that_has_begun_cannot_be_cancelled(catalog: SqlCatalog, draft_id: DraftId) -> None:
    await seal_job(catalog, draft_id)
    async with catalog.writing() as transaction:
        unseal = await transaction.jobs.add(new_job(OURS, JobKind.UNSEAL_DRAFT, draft_id, now=START))
        await transaction.drafts.start_unsealing(SYSTEM, draft_id)

    with pytest.raises(Conflict):
        await cancel(catalog, unseal.id)


async def test_the_unsealing_that_a_cancelled_seal_left_cannot_be_cancelled(
    catalog: SqlCatalog, draft_id: DraftId
) -> None:
    await cancel(catalog, (await seal_job(catalog, draft_id)).id)
    async with catalog.reading() as transaction:
        unseal = (await transaction.jobs.of_subject(SYSTEM, draft_id))[0]

    with pytest.raises(Conflict, match="sealing"):
        await cancel(catalog, unseal.id)


async def test_the_unsealing_of_a_preview_that_has_not_begun_can_be_cancelled(catalog: SqlCatalog) -> None:
    held = await hold(catalog, "a")
    await preview(catalog, held)
    async with catalog.writing() as transaction:
        unseal = await transaction.jobs.add(new_job(OURS, JobKind.UNSEAL_DRAFT, held, now=START))

    assert (await cancel(catalog, unseal.id)).state is JobState.CANCELLED


async def test_unsealing_is_not_tried_again_while_the_draft_is_sealed_again(catalog: SqlCatalog) -> None:
    held = await hold(catalog, "a")
    await preview(catalog, held)
    async with catalog.writing() as transaction:
        unseal = await transaction.jobs.add(new_job(OURS, JobKind.UNSEAL_DRAFT, held, now=START))
        await transaction.jobs.cancel(SYSTEM, unseal.id, now=START)
        seal = await transaction.jobs.add(new_job(OURS, JobKind.SEAL_DRAFT, held, now=START))

    with pytest.raises(Conflict, match=seal.id):
        await retry(catalog, unseal.id)


async def test_a_retried_upload_is_queued_with_its_change_back_in_the_draft(
    catalog: SqlCatalog, draft_id: DraftId
) -> None:
    cancelled = await cancel(catalog)

    again = await retry(catalog)

    assert (again.state, again.attempts, again.reason, again.finished_at) == (JobState.QUEUED, 0, None, None)
    assert (again.fence, again.sequence) == (cancelled.fence + 1, cancelled.sequence)
    assert await changes(catalog, draft_id) == [DraftChange(document_id=DOCUMENT, revision=1)]
    async with catalog.reading() as transaction:
        assert await revision_state(transaction) is RevisionState.PENDING


async def test_a_dead_upload_is_retried_though_its_draft_has_gone_without_it(
    catalog: SqlCatalog, draft_id: DraftId
) -> None:
    await kill(catalog)
    await upload(catalog, "b", seconds=1)
    await prepare(catalog, "b")
    async with catalog.writing() as transaction:
        await transaction.drafts.start_sealing(SYSTEM, draft_id, at(6))

    await retry(catalog)

    async with catalog.writing() as transaction:
        fresh = await transaction.drafts.automatic(SYSTEM, CORPUS, at(9))
    assert fresh.id != draft_id
    assert await changes(catalog, fresh.id) == [DraftChange(document_id=DOCUMENT, revision=1)]


async def test_an_upload_for_a_held_draft_is_never_put_into_another_one(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        automatic = await transaction.drafts.get(SYSTEM, draft_id)
        held = replace(automatic, id=DraftId("draft_held"), automatic=False, name="held")
        await transaction.drafts.add(SYSTEM, held)
        await transaction.drafts.drop_change(SYSTEM, draft_id, DOCUMENT)
        await transaction.drafts.set_changes(SYSTEM, held.id, [DraftChange(document_id=DOCUMENT, revision=1)])
    await cancel(catalog)
    await retry(catalog)
    assert await changes(catalog, held.id) == [DraftChange(document_id=DOCUMENT, revision=1)]

    await cancel(catalog)
    async with catalog.writing() as transaction:
        await transaction.drafts.discard(SYSTEM, held.id)
    with pytest.raises(Conflict):
        await retry(catalog)
    assert await changes(catalog, draft_id) == []


async def test_an_upload_with_a_newer_revision_cannot_be_retried(catalog: SqlCatalog, draft_id: DraftId) -> None:
    await cancel(catalog)
    await upload(catalog, "a", 2)

    with pytest.raises(Conflict, match="newer revision"):
        await retry(catalog)


async def test_a_job_that_still_runs_cannot_be_retried(catalog: SqlCatalog, draft_id: DraftId) -> None:
    await claim(catalog)

    with pytest.raises(Conflict):
        await retry(catalog)


async def test_an_evaluation_that_is_over_is_not_taken_up_again(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        job = await transaction.jobs.add(new_job(OURS, JobKind.EVALUATE_DRAFT, draft_id, now=START))
    await cancel(catalog, job.id)

    with pytest.raises(Conflict, match="Publish the draft again"):
        await retry(catalog, job.id)


async def test_a_job_is_not_retried_while_another_does_the_same(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        first = await transaction.jobs.add(new_job(OURS, JobKind.SEAL_DRAFT, draft_id, now=START))
    await cancel(catalog, first.id)
    async with catalog.writing() as transaction:
        await transaction.jobs.add(new_job(OURS, JobKind.SEAL_DRAFT, draft_id, now=START))

    with pytest.raises(Conflict, match="does the same"):
        await retry(catalog, first.id)
