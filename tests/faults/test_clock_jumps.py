"""The machine's clock jumps by an hour, back and forth, while workers work: all goes through, in order, and once."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.bootstrap import Worker, worker_over
from rag_service.bootstrap import Container, open_container
from rag_service.catalog.sql_catalog import utc_now
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import JobKind, JobState
from rag_service.domain.versions import OPEN
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from rag_service.use_cases.searching.options import SearchOptions
from tests.integration.desk import Desk

SCOPE: AccessScope = system_scope(TenantId("tenant"))
HOUR = timedelta(hours=1)
DOCUMENTS = 15
SHORT_LEASE_S = 0.3
ENOUGH = 400


@dataclass
class Clock:
    """A clock that somebody sets, to the right time or an hour beside it."""

    drawn: random.Random
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def jump(self) -> None:
        self.ahead = self.drawn.choice((-HOUR, timedelta(), HOUR))


@dataclass(kw_only=True)
class Site:
    """A corpus, its clock, and what was uploaded, as text by key and as documents in order."""

    container: Container
    clock: Clock
    texts: dict[str, str] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)

    def desk(self, worker: Worker) -> Desk:
        return Desk(worker=worker, admin=SCOPE)

    async def upload(self, desk: Desk, number: int) -> None:
        """Upload a document; every third is a new revision of the one before."""
        key = str(number - (number % 3 == 2))
        self.texts[key] = f"What number {number} says."
        accepted = await desk.upload(key, self.texts[key])
        self.uploaded.append(f"{accepted.revision.document_id}/{accepted.revision.number}")

    async def is_done(self) -> bool:
        async with self.container.catalog.reading() as tx:
            corpus = await tx.corpora.get(SCOPE, "fruit")
            counts = await tx.jobs.counts(SCOPE)
            files = await tx.corpora.file_counts(SCOPE, corpus.id)
        open_jobs = sum(counts.values()) - counts[JobState.SUCCEEDED]
        return not open_jobs and files["completed"] == files["total"] == len(self.texts)

    async def assert_all_went_through_once(self, desk: Desk) -> None:
        async with self.container.catalog.reading() as tx:
            corpus = await tx.corpora.get(SCOPE, "fruit")
            members = await tx.versions.members(SCOPE, corpus.id, corpus.published)
            chunks = await tx.chunks.of_members(SCOPE, corpus.fingerprint, sorted(members))
        pages = self.container.index.states(corpus.fingerprint, corpus_id=corpus.id)
        alive = sorted(
            point.chunk_id for points in [page async for page in pages] for point in points if point.died == OPEN
        )
        assert alive == sorted(chunk.id for made in chunks.values() for chunk in made)
        found = await self.container.search(
            SCOPE, corpus="fruit", query="What does it say?", options=SearchOptions(limit=50)
        )
        assert sorted(passage.text for passage in found.passages) == sorted(self.texts.values())


@pytest.fixture
async def site(request: pytest.FixtureRequest, migrated_dir: Path) -> AsyncIterator[Site]:
    settings = Settings(
        data_dir=migrated_dir,
        embedding=EmbeddingSettings(backend="hashing", dimensions=64),
        retrieval=RetrievalSettings(backend="memory", exact=True),
        # A job is begun anew after each jump forward, which alone ends a lease that long.
        jobs=JobSettings(draft_patience_s=0, lease_s=30, max_attempts=50),
    )
    clock = Clock(random.Random(getattr(request, "param", 0)))  # noqa: S311  (not for secrets)
    async with open_container(settings) as container:
        container.catalog._clock = clock
        async with container.catalog.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        await container.create_corpus(SCOPE, name="fruit")
        yield Site(container=replace(container, clock=clock), clock=clock)


def with_short_leases(site: Site) -> Site:
    """Return the same corpus for workers that soon notice that another one is dead."""
    settings = site.container.settings
    jobs = settings.jobs.model_copy(update={"lease_s": SHORT_LEASE_S})
    return replace(site, container=replace(site.container, settings=settings.model_copy(update={"jobs": jobs})))


@asynccontextmanager
async def working(site: Site) -> AsyncIterator[tuple[Desk, list[str]]]:
    """Open a worker, and the subjects that it prepared in the order in which it began with them."""
    async with worker_over(site.container) as worker:
        begun: list[str] = []
        handler = worker.handlers[JobKind.PREPARE_REVISION]
        run = handler.run

        async def noting(jobs: Sequence[Any]) -> Any:
            begun.extend(job.subject for job in jobs)
            return await run(jobs)

        handler.run = noting
        yield site.desk(worker), begun


async def step(desk: Desk) -> None:
    await desk.worker.runner.enqueue_due_seals()
    await desk.worker.runner.run_next()


@pytest.mark.parametrize("site", range(4), indirect=True)
async def test_uploads_go_through_once_and_in_order_however_the_clock_jumps(site: Site) -> None:
    async with working(site) as (desk, begun):
        for number in range(DOCUMENTS):
            site.clock.jump()
            await site.upload(desk, number)
            site.clock.jump()
            if site.clock.drawn.random() < 0.5:
                await step(desk)
        for _ in range(ENOUGH):
            site.clock.jump()
            await step(desk)
            if await site.is_done():
                break
            await asyncio.sleep(0.01)

        await site.assert_all_went_through_once(desk)
        assert begun == site.uploaded


@pytest.mark.parametrize("site", range(2), indirect=True)
async def test_two_workers_under_a_jumping_clock_write_each_result_once(site: Site) -> None:
    async with working(site) as (desk, _), working(site) as (other, _):
        for number in range(DOCUMENTS):
            await site.upload(desk, number)
            site.clock.jump()
            await asyncio.gather(step(desk), step(other))
        for _ in range(ENOUGH):
            site.clock.jump()
            await asyncio.gather(step(desk), step(other))
            if await site.is_done():
                break
            await asyncio.sleep(0.01)

        await site.assert_all_went_through_once(desk)


async def test_what_a_dead_worker_held_is_taken_up_after_the_clock_went_back(site: Site) -> None:
    async with working(with_short_leases(site)) as (desk, begun):
        await site.upload(desk, 0)
        site.clock.ahead = HOUR
        async with site.container.catalog.writing() as tx:
            due = await tx.jobs.due([JobKind.PREPARE_REVISION], now=site.clock(), limit=1)
            await tx.jobs.claim(due, now=site.clock(), lease=timedelta(seconds=SHORT_LEASE_S))
        site.clock.ahead = timedelta()

        for _ in range(ENOUGH):
            await step(desk)
            if await site.is_done():
                break
            await asyncio.sleep(0.02)

        assert begun == site.uploaded
        await site.assert_all_went_through_once(desk)


async def test_a_running_job_is_not_lost_to_its_own_worker_when_the_clock_jumps_forward(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(site) as (desk, begun):
        await site.upload(desk, 0)
        slow = _slow(desk.worker, monkeypatch)
        running = asyncio.create_task(desk.worker.runner.run_next())
        await slow.begun.wait()

        site.clock.ahead = HOUR
        assert await desk.worker.runner.run_next() == 0
        slow.go_on.set()
        await running

        assert begun == site.uploaded


@dataclass
class _Slow:
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)


def _slow(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> _Slow:
    slow, parse = _Slow(), worker.prepare._read._parse

    async def waiting(*files: Any) -> Any:
        slow.begun.set()
        await slow.go_on.wait()
        return await parse(*files)

    monkeypatch.setattr(worker.prepare._read, "_parse", waiting)
    return slow


async def test_of_two_revisions_the_one_uploaded_later_is_published_though_the_clock_went_back(site: Site) -> None:
    async with working(site) as (desk, _):
        site.clock.ahead = HOUR
        await desk.upload("a", "What was said first.")
        site.clock.ahead = -HOUR
        await desk.upload("a", "What was said last.")
        site.texts["a"] = "What was said last."

        for _ in range(ENOUGH):
            await step(desk)
            if await site.is_done():
                break
            await asyncio.sleep(0.01)

        await site.assert_all_went_through_once(desk)
