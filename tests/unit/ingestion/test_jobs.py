"""From an accepted upload to a prepared revision, over an SQLite catalog, the memory index and a hashing embedder."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingestion.bootstrap import Worker, worker_over
from ingestion.byte_budget import ByteBudget
from ingestion.handlers import DraftHandler, Prepare, RevisionHandler, StillHeld
from ingestion.jobs import JobRunner
from ingestion.lanes import SMALL_BYTES
from ingestion.loading import Parse, ReadFiles
from ingestion.parsing.isolation.sandbox import Outcome, RawFile
from ingestion.parsing.pages import OnPages
from ingestion.pipeline import PrepareRevision
from ingestion.worker import work
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.documents import Revision, RevisionState
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import DraftId, JobId, TenantId
from rag_service.domain.jobs import Job, JobKind, JobState, Priority
from rag_service.domain.pages import PageRequest
from rag_service.domain.rows import Row
from rag_service.errors import Conflict, DocumentRejected
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from rag_service.use_cases.chunk_progress import OnChunks
from tests.patience import PATIENCE_S

SCOPE: AccessScope = system_scope(TenantId("tenant"))
PATIENT = JobSettings(draft_patience_s=0.0)
_ZERO = timedelta(0)


@pytest.fixture
async def worker(migrated_dir: Path) -> AsyncIterator[Worker]:
    settings = Settings(
        data_dir=migrated_dir,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=PATIENT,
    )
    async with open_container(settings) as container, worker_over(container) as made:
        async with container.catalog.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        await container.create_corpus(SCOPE, name="books")
        yield made


async def upload(worker: Worker, filename: str, content: bytes) -> Revision:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    stored = await worker.container.store_file(SCOPE, filename=filename, purpose="assistants", content=pieces())
    accepted = await worker.container.uploads.accept_file(SCOPE, corpus="books", file_id=stored.id, attributes={})
    return accepted.revision


async def now(worker: Worker, revision: Revision) -> tuple[Revision, Job]:
    async with worker.container.catalog.reading() as tx:
        fresh = await tx.documents.revision(SCOPE, revision.document_id, revision.number)
        [job] = await tx.jobs.of_subject(SCOPE, f"{revision.document_id}/{revision.number}")
    return fresh, job


async def claim(tx: Transaction, moment: datetime) -> list[Job]:
    due = await tx.jobs.due([JobKind.PREPARE_REVISION], now=moment, limit=1)
    return await tx.jobs.claim(due, now=moment, lease=_ZERO)


def runner_with(worker: Worker, prepare: Prepare) -> JobRunner:
    container = worker.container
    handlers = {**worker.handlers, JobKind.PREPARE_REVISION: RevisionHandler(prepare)}
    return JobRunner(catalog=container.catalog, handlers=handlers, clock=container.clock, settings=PATIENT)


def crashing(worker: Worker) -> PrepareRevision:
    async def parse(files: Sequence[RawFile], on_pages: OnPages) -> list[Outcome]:
        return [DocumentRejected(ReasonCode.PARSER_CRASHED, "SIGSEGV") for _ in files]

    return preparing(worker, parse)


def preparing(worker: Worker, parse: Parse) -> PrepareRevision:
    prepare = worker.prepare
    return PrepareRevision(
        catalog=prepare._catalog,
        read=ReadFiles(blobs=worker.container.blobs, parse=parse),
        chunker=prepare._chunker,
        embedder=prepare._embedder,
        fingerprint=prepare._fingerprint,
        spread=prepare._spread,
        progress=prepare._progress,
        clock=prepare._clock,
    )


async def test_a_long_document_shows_how_many_pages_were_read(worker: Worker) -> None:
    revision = await upload(worker, "long.txt", b"words")
    seen = asyncio.Event()

    async def parse(files: Sequence[RawFile], on_pages: OnPages) -> list[Outcome]:
        on_pages(3, 9)
        await seen.wait()
        return [DocumentRejected(ReasonCode.DAMAGED)]

    running = asyncio.create_task(runner_with(worker, preparing(worker, parse)).run_next())
    while (job := (await now(worker, revision))[1]).total is None:
        assert not running.done()
        await asyncio.sleep(0.01)
    seen.set()
    await running

    assert (job.stage, job.done, job.total) == ("parse", 3, 9)


async def test_small_uploads_are_prepared_together(worker: Worker) -> None:
    revisions = [await upload(worker, f"{number}.md", b"# Head\n\nText %d." % number) for number in range(3)]

    assert await worker.runner.run_next() == 3

    states = [await now(worker, revision) for revision in revisions]
    assert {(fresh.state, job.state) for fresh, job in states} == {(RevisionState.PREPARED, JobState.SUCCEEDED)}
    assert {fresh.chunk_count for fresh, _ in states} == {1}


async def test_a_look_for_jobs_that_finds_none_waits_for_nobody_who_writes(worker: Worker) -> None:
    async with worker.container.catalog.writing():
        assert await worker.runner.run_next() == 0


async def test_a_large_file_waits_for_room_on_the_machine_and_small_ones_go_on(worker: Worker) -> None:
    large = await upload(worker, "large.txt", b"words " * (SMALL_BYTES // 6 + 1))
    small = await upload(worker, "small.txt", b"words")
    budget = ByteBudget(worker.container.settings.work_dir / "reading", limit_bytes=2**30)

    async with budget.taken(2**30):
        assert [await worker.runner.run_next(), await worker.runner.run_next()] == [1, 0]
        waiting = (await now(worker, large))[1].state

    assert await worker.runner.run_next() == 1
    assert (waiting, (await now(worker, small))[0].state) == (JobState.QUEUED, RevisionState.PREPARED)


async def test_an_unreadable_file_fails_at_once_and_disturbs_no_other(worker: Worker) -> None:
    bad = await upload(worker, "bad.pdf", b"%PDF-1.4 cut off")
    good = await upload(worker, "good.txt", b"readable")

    await worker.runner.run_next()

    failed, job = await now(worker, bad)
    assert (failed.state, failed.reason, job.state) == (RevisionState.FAILED, ReasonCode.DAMAGED, JobState.DEAD)
    assert (await now(worker, good))[0].state is RevisionState.PREPARED


async def test_a_file_that_crashes_its_parser_is_tried_again_before_it_is_dead(worker: Worker) -> None:
    revision = await upload(worker, "a.txt", b"text")
    await runner_with(worker, crashing(worker)).run_next()
    waiting = (await now(worker, revision))[1]

    async with worker.container.catalog.writing() as tx:
        await claim(tx, waiting.not_before)
    dead_at_last = runner_with(worker, crashing(worker))
    dead_at_last._clock = lambda: waiting.not_before
    await dead_at_last.run_next()

    failed, job = await now(worker, revision)
    assert waiting.state is JobState.FAILED
    assert (failed.reason, job.state) == (ReasonCode.PARSER_CRASHED, JobState.DEAD)


async def test_one_bug_in_a_batch_costs_one_document(worker: Worker) -> None:
    revisions = [await upload(worker, f"{number}.txt", b"text %d" % number) for number in range(3)]
    spoilt = f"{revisions[1].document_id}/1"
    real = worker.prepare

    async def prepare(jobs: Sequence[Job]) -> Mapping[JobId, DocumentRejected]:
        if any(job.subject == spoilt for job in jobs):
            raise ZeroDivisionError
        return await real(jobs)

    await runner_with(worker, prepare).run_next()

    states = [(await now(worker, revision))[1].state for revision in revisions]
    assert states == [JobState.SUCCEEDED, JobState.FAILED, JobState.SUCCEEDED]


async def test_a_stopped_worker_gives_its_job_back(worker: Worker) -> None:
    revision = await upload(worker, "a.txt", b"text")
    started = asyncio.Event()

    async def prepare(jobs: Sequence[Job]) -> Mapping[JobId, DocumentRejected]:
        started.set()
        await asyncio.sleep(60)
        return {}

    task = asyncio.create_task(runner_with(worker, prepare).run_next())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await now(worker, revision))[1].state is JobState.QUEUED
    assert await worker.runner.run_next() == 1
    assert (await now(worker, revision))[1].state is JobState.SUCCEEDED


async def test_a_worker_that_lost_its_lease_writes_nothing(worker: Worker) -> None:
    revision = await upload(worker, "a.txt", b"text")
    prepare = worker.prepare
    async with worker.container.catalog.writing() as tx:
        moment = worker.container.clock()
        mine = await claim(tx, moment)
        await claim(tx, moment)

    assert await prepare(mine) == {}

    fresh, job = await now(worker, revision)
    assert (fresh.state, job.state) == (RevisionState.PENDING, JobState.RUNNING)


async def test_a_due_draft_gets_one_job_and_is_sealed(worker: Worker) -> None:
    await upload(worker, "a.txt", b"text")
    await worker.runner.run_next()

    assert [await worker.runner.enqueue_due_seals() for _ in range(2)] == [1, 0]
    await worker.runner.run_next()

    async with worker.container.catalog.reading() as tx:
        assert (await tx.corpora.get(SCOPE, "books")).published == 1


async def test_the_worker_stops_when_asked(worker: Worker) -> None:
    await upload(worker, "a.txt", b"text")
    ran, stop = asyncio.Event(), asyncio.Event()

    async def prepare(jobs: Sequence[Job]) -> Mapping[JobId, DocumentRejected]:
        ran.set()
        return await worker.prepare(jobs)

    task = asyncio.create_task(work(runner_with(worker, prepare), stop, poll_s=0.01, housekeeping=worker.housekeeping))
    await ran.wait()
    stop.set()

    await task


async def test_an_automatic_draft_is_open_again_when_its_seal_died_of_an_error(worker: Worker) -> None:
    await upload(worker, "a.txt", b"text")
    await worker.runner.run_next()
    await worker.runner.enqueue_due_seals()
    catalog, clock = worker.container.catalog, worker.container.clock

    async def break_down(scope: AccessScope, draft_id: DraftId, *, still_held: StillHeld, on_chunks: OnChunks) -> None:
        async with catalog.writing() as tx:
            await tx.drafts.start_sealing(scope, draft_id, clock())
        raise ZeroDivisionError

    once = PATIENT.model_copy(update={"max_attempts": 1})
    handlers = {
        **worker.handlers,
        JobKind.SEAL_DRAFT: DraftHandler(break_down, catalog=catalog, progress=worker.prepare._progress, clock=clock),
    }
    runner = JobRunner(catalog=catalog, handlers=handlers, clock=clock, settings=once)
    assert [await runner.run_next() for _ in range(2)] == [1, 1]

    async with catalog.reading() as tx:
        [seal] = (await tx.jobs.list(SCOPE, PageRequest(), kind=JobKind.SEAL_DRAFT)).items
        draft = await tx.drafts.get(SCOPE, DraftId(seal.subject))
    assert (seal.state, draft.state) == (JobState.DEAD, DraftState.OPEN)


async def test_a_draft_that_does_not_fit_any_more_is_dead_and_open_again(worker: Worker) -> None:
    await upload(worker, "a.txt", b"text")
    await worker.runner.run_next()
    await worker.runner.enqueue_due_seals()
    catalog = worker.container.catalog

    async def refuse(scope: AccessScope, draft_id: DraftId, *, still_held: StillHeld, on_chunks: OnChunks) -> None:
        async with catalog.writing() as tx:
            await tx.drafts.start_sealing(scope, draft_id, worker.container.clock())
        raise Conflict("a.txt was changed meanwhile")

    refusing = DraftHandler(refuse, catalog=catalog, progress=worker.prepare._progress, clock=worker.container.clock)
    handlers = {**worker.handlers, JobKind.SEAL_DRAFT: refusing}
    runner = JobRunner(catalog=catalog, handlers=handlers, clock=worker.container.clock, settings=PATIENT)
    assert [await runner.run_next() for _ in range(2)] == [1, 1]

    async with catalog.reading() as tx:
        [unseal] = (await tx.jobs.list(SCOPE, PageRequest(), kind=JobKind.UNSEAL_DRAFT)).items
        [seal] = (await tx.jobs.list(SCOPE, PageRequest(), kind=JobKind.SEAL_DRAFT)).items
        draft = await tx.drafts.get(SCOPE, DraftId(seal.subject))
    assert (seal.state, seal.reason, seal.detail) == (
        JobState.DEAD,
        ReasonCode.CONFLICT,
        "a.txt was changed meanwhile",
    )
    assert (unseal.state, draft.state) == (JobState.SUCCEEDED, DraftState.OPEN)
    assert await runner.enqueue_due_seals() == 0  # not again and again


async def test_a_small_upload_passes_a_large_one_that_takes_for_ever(worker: Worker) -> None:
    large = await upload(worker, "large.txt", b"long " * (SMALL_BYTES // 5 + 1))
    started, stop = asyncio.Event(), asyncio.Event()

    async def prepare(jobs: Sequence[Job]) -> Mapping[JobId, DocumentRejected]:
        if any(job.subject == f"{large.document_id}/1" for job in jobs):
            started.set()
            await asyncio.sleep(2 * PATIENCE_S)
        return await worker.prepare(jobs)

    runner = runner_with(worker, prepare)
    task = asyncio.create_task(work(runner, stop, poll_s=0.01, housekeeping=worker.housekeeping))
    await started.wait()
    small = await upload(worker, "small.txt", b"short")
    async with asyncio.timeout(PATIENCE_S):
        while (await now(worker, small))[0].state is not RevisionState.PREPARED:
            pass  # each look is a transaction, during which others go on
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cancelled_upload_stops_its_worker_and_stays_failed(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = await upload(worker, "a.txt", b"text")
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def prepare(jobs: Sequence[Job]) -> Mapping[JobId, DocumentRejected]:
        started.set()
        await asyncio.sleep(2 * PATIENCE_S)
        return {}

    container = worker.container
    handlers = {**worker.handlers, JobKind.PREPARE_REVISION: RevisionHandler(prepare)}
    hasty = PATIENT.model_copy(update={"lease_s": 0.03})
    runner = JobRunner(catalog=container.catalog, handlers=handlers, clock=container.clock, settings=hasty)
    extend = runner._leases._extend

    async def extend_afterwards(held: Sequence[Job]) -> list[Job]:
        await cancelled.wait()
        return await extend(held)

    monkeypatch.setattr(runner._leases, "_extend", extend_afterwards)
    task = asyncio.create_task(runner.run_next())
    await started.wait()
    async with container.catalog.writing() as tx:
        job_id = (await tx.jobs.of_subject(SCOPE, f"{revision.document_id}/1"))[0].id
        await tx.jobs.cancel(SCOPE, job_id, now=container.clock())
    cancelled.set()

    assert await task == 1

    fresh, job = await now(worker, revision)
    assert (fresh.state, fresh.reason, job.state) == (RevisionState.FAILED, ReasonCode.CANCELLED, JobState.CANCELLED)


async def test_rows_and_batches_wait_for_what_a_person_uploads(worker: Worker) -> None:
    uploads = worker.container.uploads
    [row] = await uploads.accept_rows(SCOPE, corpus="books", rows=[Row(id="r", title="", text="a row")])
    person = await upload(worker, "a.txt", b"text")

    jobs = [(await now(worker, revision))[1] for revision in (row.revision, person)]

    assert [job.priority for job in jobs] == [Priority.BULK, Priority.PERSON]
    assert jobs[0].corpus_id == jobs[1].corpus_id is not None
