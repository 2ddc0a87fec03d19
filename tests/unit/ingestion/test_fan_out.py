"""Large documents, embedded by several jobs, over an SQLite catalog and a hashing embedder."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ingestion.bootstrap import Worker, worker_over
from ingestion.fan_out import EmbedHandler
from ingestion.jobs import JobRunner
from ingestion.lanes import EVERYTHING
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.documents import Revision, RevisionState
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.domain.versions import Member
from rag_service.errors import EmbedderUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.reasons import ReasonCode
from rag_service.settings import ChunkingSettings, EmbeddingSettings, JobSettings, RetrievalSettings, Settings

SCOPE: AccessScope = system_scope(TenantId("tenant"))
PART = 2
PREPARE = EVERYTHING.only(frozenset({JobKind.PREPARE_REVISION}))
EMBED = EVERYTHING.only(frozenset({JobKind.EMBED_CHUNKS}))
CHAPTERS = [
    f"# Chapter {number}\n\nThe apples, pears, plums and cherries of {number} ripen and fall." for number in range(8)
]
LARGE = "\n\n".join(CHAPTERS)


class Broken:
    """An embedder that fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def embed(self, tenant_id: TenantId, texts: Sequence[str]) -> DenseVector:
        raise self._error


@pytest.fixture
async def worker(migrated_dir: Path) -> AsyncIterator[Worker]:
    settings = Settings(
        data_dir=migrated_dir,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        chunking=ChunkingSettings(target_tokens=32),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0.0, part_chunks=PART, max_attempts=1),
    )
    async with open_container(settings) as container, worker_over(container) as made:
        async with container.catalog.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        await container.create_corpus(SCOPE, name="books")
        yield made


async def upload(worker: Worker, text: str, filename: str = "large.md") -> Revision:
    async def pieces() -> AsyncIterator[bytes]:
        yield text.encode()

    stored = await worker.container.store_file(SCOPE, filename=filename, purpose="assistants", content=pieces())
    accepted = await worker.container.uploads.accept_file(SCOPE, corpus="books", file_id=stored.id, attributes={})
    return accepted.revision


async def now(worker: Worker, revision: Revision) -> tuple[Revision, Job]:
    async with worker.container.catalog.reading() as tx:
        fresh = await tx.documents.revision(SCOPE, revision.document_id, revision.number)
        [job] = await tx.jobs.of_subject(SCOPE, f"{revision.document_id}/{revision.number}")
    return fresh, job


async def chunk_count(worker: Worker, revision: Revision) -> int:
    member = Member(document_id=revision.document_id, revision=revision.number)
    async with worker.container.catalog.reading() as tx:
        found = await tx.chunks.of_members(SCOPE, worker.container.build.digest, [member])
    return len(found[member])


def embedding_with(worker: Worker, embedder: Broken) -> JobRunner:
    container = worker.container
    handler = EmbedHandler(
        catalog=container.catalog, embedder=embedder, fingerprint=container.build.digest, clock=container.clock
    )
    handlers = {**worker.handlers, JobKind.EMBED_CHUNKS: handler}
    return JobRunner(
        catalog=container.catalog, handlers=handlers, clock=container.clock, settings=container.settings.jobs
    )


async def test_reading_a_large_document_leaves_its_embedding_to_other_jobs(worker: Worker) -> None:
    revision = await upload(worker, LARGE)

    await worker.runner.run_next(PREPARE)

    fresh, job = await now(worker, revision)
    assert (fresh.state, worker.vectors.newly_embedded) == (RevisionState.PENDING, 0)
    assert (job.state, job.stage, job.done, job.total) == (JobState.RUNNING, "embed", 0, 8)
    assert (fresh.chunk_count, await chunk_count(worker, revision)) == (8, 8)


async def test_each_part_adds_to_the_progress_and_the_last_one_makes_the_document_ready(worker: Worker) -> None:
    revision = await upload(worker, LARGE)
    await worker.runner.run_next(PREPARE)

    seen = []
    while await worker.runner.run_next(EMBED):
        fresh, job = await now(worker, revision)
        seen.append((job.done, job.state, fresh.state))

    assert [done for done, _, _ in seen] == [2, 4, 6, 8]
    assert {state for _, _, state in seen[:-1]} == {RevisionState.PENDING}
    assert seen[-1][1:] == (JobState.SUCCEEDED, RevisionState.PREPARED)
    assert worker.vectors.newly_embedded == 8


async def test_a_large_document_is_published_like_any_other(worker: Worker) -> None:
    revision = await upload(worker, LARGE)

    while await worker.runner.enqueue_due_seals() or await worker.runner.run_next():
        pass

    fresh, _ = await now(worker, revision)
    async with worker.container.catalog.reading() as tx:
        assert await tx.documents.is_published(SCOPE, fresh)
    assert worker.vectors.newly_embedded == 8


async def test_a_document_of_two_parts_is_embedded_by_the_job_that_reads_it(worker: Worker) -> None:
    revision = await upload(worker, "\n\n".join(CHAPTERS[: 2 * PART]))

    await worker.runner.run_next(PREPARE)

    fresh, job = await now(worker, revision)
    assert (fresh.state, fresh.chunk_count, job.state) == (RevisionState.PREPARED, 2 * PART, JobState.SUCCEEDED)


async def test_small_documents_of_the_same_batch_are_ready_at_once(worker: Worker) -> None:
    large = await upload(worker, LARGE)
    small = await upload(worker, "Quinces keep.", "small.txt")

    assert await worker.runner.run_next(PREPARE) == 2

    assert [(await now(worker, each))[0].state for each in (large, small)] == [
        RevisionState.PENDING,
        RevisionState.PREPARED,
    ]


async def test_an_outage_of_the_embedder_is_told_and_costs_nothing(worker: Worker) -> None:
    revision = await upload(worker, LARGE)
    await worker.runner.run_next(PREPARE)

    await embedding_with(worker, Broken(EmbedderUnavailable("The model is away."))).run_next(EMBED)

    fresh, job = await now(worker, revision)
    assert (job.state, job.detail, fresh.state) == (JobState.RUNNING, "The model is away.", RevisionState.PENDING)


async def test_a_part_that_fails_for_good_fails_the_document(worker: Worker) -> None:
    revision = await upload(worker, LARGE)
    await worker.runner.run_next(PREPARE)

    await embedding_with(worker, Broken(ZeroDivisionError())).run_next(EMBED)

    fresh, job = await now(worker, revision)
    assert (job.state, job.reason) == (JobState.DEAD, ReasonCode.INTERNAL)
    assert (fresh.state, fresh.reason) == (RevisionState.FAILED, ReasonCode.INTERNAL)
    assert await worker.runner.run_next(EMBED) == 0


async def test_a_document_that_is_tried_again_embeds_what_is_missing(worker: Worker) -> None:
    revision = await upload(worker, LARGE)
    await worker.runner.run_next(PREPARE)
    await worker.runner.run_next(EMBED)
    await worker.container.jobs.cancel(SCOPE, (await now(worker, revision))[1].id)

    await worker.container.jobs.retry(SCOPE, (await now(worker, revision))[1].id)
    while await worker.runner.run_next():
        pass

    assert (await now(worker, revision))[0].state is RevisionState.PREPARED
    assert worker.vectors.newly_embedded == 8


async def test_a_worker_with_another_build_lets_the_document_go_on(worker: Worker) -> None:
    revision = await upload(worker, LARGE)
    await worker.runner.run_next(PREPARE)
    container = worker.container
    other = EmbedHandler(
        catalog=container.catalog,
        embedder=worker.vectors,
        fingerprint=replace(container.build, chunker=replace(container.build.chunker, target_tokens=64)).digest,
        clock=container.clock,
    )

    async with container.catalog.writing() as tx:
        due = await tx.jobs.due([JobKind.EMBED_CHUNKS], now=container.clock(), limit=10)
        parts = await tx.jobs.claim(due, now=container.clock(), lease=timedelta(seconds=30))
    await other.run(parts)

    assert (await now(worker, revision))[0].state is RevisionState.PREPARED
