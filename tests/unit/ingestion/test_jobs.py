"""From an accepted upload to a prepared revision, over an SQLite catalog, the memory index and a hashing embedder."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingestion.bootstrap import Worker, worker_over
from ingestion.jobs import JobRunner
from ingestion.parsing.sandbox import Outcome, RawFile
from ingestion.pipeline import PrepareRevision
from ingestion.worker import work
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.documents import Revision, RevisionState
from rag_service.domain.ids import JobId, TenantId
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.errors import DocumentRejected, LeaseLost
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings

SCOPE: AccessScope = system_scope(TenantId("tenant"))
PATIENT = JobSettings(draft_patience_s=0.0)
_ZERO = timedelta(0)


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    settings = Settings(
        data_dir=tmp_path,
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


def runner_with(worker: Worker, prepare: object) -> JobRunner:
    container = worker.container
    return JobRunner(catalog=container.catalog, prepare=prepare, seal=_never, clock=container.clock, settings=PATIENT)


async def _never(scope: AccessScope, draft_id: object) -> None:
    raise AssertionError


def crashing(worker: Worker) -> PrepareRevision:
    async def parse(files: Sequence[RawFile]) -> list[Outcome]:
        return [DocumentRejected(ReasonCode.PARSER_CRASHED, "SIGSEGV") for _ in files]

    prepare = worker.runner._prepare
    assert isinstance(prepare, PrepareRevision)
    return PrepareRevision(
        catalog=prepare._catalog,
        blobs=prepare._blobs,
        parse=parse,
        chunker=prepare._chunker,
        embedder=prepare._embedder,
        fingerprint=prepare._fingerprint,
    )


async def test_small_uploads_are_prepared_together(worker: Worker) -> None:
    revisions = [await upload(worker, f"{number}.md", b"# Head\n\nText %d." % number) for number in range(3)]

    assert await worker.runner.run_next() == 3

    states = [await now(worker, revision) for revision in revisions]
    assert {(fresh.state, job.state) for fresh, job in states} == {(RevisionState.PREPARED, JobState.SUCCEEDED)}
    assert {fresh.chunk_count for fresh, _ in states} == {1}


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
    real = worker.runner._prepare

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

    assert (await now(worker, revision))[1].state is JobState.FAILED
    assert await worker.runner.run_next() == 1
    assert (await now(worker, revision))[1].state is JobState.SUCCEEDED


async def test_a_worker_that_lost_its_lease_writes_nothing(worker: Worker) -> None:
    revision = await upload(worker, "a.txt", b"text")
    prepare = worker.runner._prepare
    async with worker.container.catalog.writing() as tx:
        moment = worker.container.clock()
        mine = await claim(tx, moment)
        await claim(tx, moment)

    with pytest.raises(LeaseLost):
        await prepare(mine)

    assert (await now(worker, revision))[0].state is RevisionState.PENDING


async def test_a_due_draft_gets_one_job_and_is_sealed(worker: Worker) -> None:
    await upload(worker, "a.txt", b"text")
    await worker.runner.run_next()

    assert [await worker.runner.enqueue_due_seals() for _ in range(2)] == [1, 0]
    await worker.runner.run_next()

    async with worker.container.catalog.reading() as tx:
        assert (await tx.corpora.get(SCOPE, "books")).published == 1


async def test_the_worker_stops_when_asked(worker: Worker) -> None:
    await upload(worker, "a.txt", b"text")
    stop = asyncio.Event()

    task = asyncio.create_task(work(worker.runner, worker.housekeeping, stop, poll_s=0.01))
    await asyncio.sleep(0.1)
    stop.set()

    await task
