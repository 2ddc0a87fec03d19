"""Two workers over one catalog and one index, both given the same work: each result is written once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from ingestion.bootstrap import Worker, worker_over
from ingestion.lanes import BULK, INTERACTIVE
from rag_service.bootstrap import Container, open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.errors import LeaseLost
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings

SCOPE: AccessScope = system_scope(TenantId("tenant"))
DOCUMENTS = 24


async def fill(container: Container) -> None:
    async def pieces(number: int) -> AsyncIterator[bytes]:
        yield f"# Chapter {number}\n\nWhat it says, {number} times.".encode()

    async with container.catalog.writing() as tx:
        await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
    await container.create_corpus(SCOPE, name="books")
    for number in range(DOCUMENTS):
        stored = await container.store_file(
            SCOPE, filename=f"{number}.md", purpose="assistants", content=pieces(number)
        )
        await container.uploads.accept_file(SCOPE, corpus="books", file_id=stored.id, attributes={})


async def work_off(worker: Worker) -> None:
    idle = 0
    while idle < 3:
        added = await worker.runner.enqueue_due_seals()
        ran = [await worker.runner.run_next(lane) for lane in (INTERACTIVE, BULK)]
        idle = 0 if added or any(ran) else idle + 1
        await asyncio.sleep(0.01)


async def assert_nothing_lost_or_doubled(container: Container) -> None:
    async with container.catalog.reading() as tx:
        corpus = await tx.corpora.get(SCOPE, "books")
        counts = await tx.jobs.counts(SCOPE)
        members = await tx.versions.members(SCOPE, corpus.id, corpus.published)
        chunks = await tx.chunks.of_members(SCOPE, corpus.fingerprint, sorted(members))
    pages = container.index.states(corpus.fingerprint, corpus_id=corpus.id)
    points = [point async for page in pages for point in page]
    assert len(members) == DOCUMENTS
    assert sorted(point.chunk_id for point in points) == sorted(c.id for made in chunks.values() for c in made)
    assert counts[JobState.SUCCEEDED] == sum(counts.values())


def settings_in(folder: Path) -> Settings:
    return Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0.0),
    )


async def test_two_workers_together_prepare_and_seal_everything_once(migrated_dir: Path) -> None:
    async with (
        open_container(settings_in(migrated_dir)) as container,
        worker_over(container) as one,
        worker_over(container) as other,
    ):
        await fill(container)

        await asyncio.gather(work_off(one), work_off(other))

        await assert_nothing_lost_or_doubled(container)


async def test_a_job_that_two_workers_were_given_is_written_by_the_one_that_holds_it(migrated_dir: Path) -> None:
    async with open_container(settings_in(migrated_dir)) as container, worker_over(container) as worker:
        await fill(container)
        twice = [await _claimed(container, JobKind.PREPARE_REVISION) for _ in range(2)]

        await asyncio.gather(*(worker.prepare(jobs) for jobs in twice))

        await work_off(worker)
        await assert_nothing_lost_or_doubled(container)


async def test_a_seal_that_two_workers_were_given_is_finished_by_the_one_that_holds_it(migrated_dir: Path) -> None:
    async with open_container(settings_in(migrated_dir)) as container, worker_over(container) as worker:
        await fill(container)
        while await worker.runner.run_next():
            pass
        await worker.runner.enqueue_due_seals()
        twice = [await _claimed(container, JobKind.SEAL_DRAFT) for _ in range(2)]
        seal = worker.handlers[JobKind.SEAL_DRAFT]

        late, holder = await asyncio.gather(*(seal.run(jobs) for jobs in twice), return_exceptions=True)

        assert isinstance(late, LeaseLost)
        assert holder == {}
        await assert_nothing_lost_or_doubled(container)
        assert await container.reconcile.everything() == []


async def _claimed(container: Container, kind: JobKind) -> list[Job]:
    """Claim everything, as if whoever holds it were gone."""
    now = container.clock()
    async with container.catalog.writing() as tx:
        beats = tuple(await tx.jobs.heartbeats())
        due = await tx.jobs.due([kind], now=now, limit=DOCUMENTS, silent=beats)
        return await tx.jobs.claim(due, now=now, lease=timedelta(minutes=1))
