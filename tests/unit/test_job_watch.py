"""Following jobs: one look for everybody."""

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, SeenJob, new_job, seen
from rag_service.errors import CatalogUnavailable, NotFound
from rag_service.use_cases.job_watch import JobWatch, Looks, Watched

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = new_job(TenantId("a"), JobKind.SEAL_DRAFT, "draft", now=NOW)
KEY = Watched(tenant_id=JOB.tenant_id, job_id=JOB.id)


def shown(job: Job) -> SeenJob:
    return seen(job, now=NOW, served_kinds=frozenset(JobKind), starved_after=timedelta(minutes=1))


class Table:
    """Shows another change at each look."""

    def __init__(self) -> None:
        self.looks = 0
        self.is_gone = False
        self.error: Exception | None = None

    async def look(self, watched: Collection[Watched]) -> Looks:
        self.looks += 1
        if self.error:
            raise self.error
        return {key: None if self.is_gone else shown(replace(JOB, changes=self.looks)) for key in watched}


async def first(watch: JobWatch) -> int:
    async with aclosing(watch.follow(JOB)) as looks:
        return (await anext(looks)).job.changes


async def test_all_followers_share_a_look() -> None:
    table = Table()
    watch = JobWatch(table.look, pause_s=0)

    assert await asyncio.gather(*(first(watch) for _ in range(9))) == [1] * 9


async def test_looking_ends_with_the_last_follower() -> None:
    table = Table()
    watch = JobWatch(table.look, pause_s=0)
    await first(watch)

    await asyncio.sleep(0.01)

    assert table.looks == 1


async def test_one_that_leaves_does_not_disturb_the_others() -> None:
    watch = JobWatch(Table().look, pause_s=0.01)
    leaving, staying = asyncio.create_task(first(watch)), asyncio.create_task(first(watch))
    await asyncio.sleep(0)

    leaving.cancel()

    assert await staying == 1


async def test_a_job_that_is_gone_is_not_found() -> None:
    table = Table()
    table.is_gone = True

    with pytest.raises(NotFound):
        await first(JobWatch(table.look, pause_s=0))


async def test_a_look_that_fails_fails_for_all_and_the_next_is_tried() -> None:
    table = Table()
    table.error = CatalogUnavailable("down")
    watch = JobWatch(table.look, pause_s=0)
    failed = await asyncio.gather(first(watch), first(watch), return_exceptions=True)
    table.error = None

    assert [type(error) for error in failed] == [CatalogUnavailable, CatalogUnavailable]
    assert await first(watch) == 2
