"""Jobs whose work is spread over parts."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.jobs import STARVED, Job, JobKind, JobState, parts_of_preparation, seen
from rag_service.domain.pages import PageRequest
from rag_service.errors import LeaseLost, NotFound
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import SYSTEM, add_tenants, at, job
from tests.contract.erasure_values import remove, request, with_two_documents

LEASE = timedelta(seconds=30)
OTHERS = frozenset(JobKind) - {JobKind.EMBED_CHUNKS}


@pytest.fixture
async def whole(catalog: SqlCatalog) -> Job:
    """A running job of five chunks, spread over three parts."""
    async with catalog.writing() as tx:
        await add_tenants(tx)
        await tx.jobs.add(job("a"))
    [held] = await claim(catalog, JobKind.PREPARE_REVISION)
    return await spread(catalog, held)


async def claim(catalog: SqlCatalog, kind: JobKind = JobKind.EMBED_CHUNKS, *, seconds: float = 0) -> list[Job]:
    async with catalog.writing() as tx:
        due = await tx.jobs.due([kind], now=at(seconds), limit=10)
        return await tx.jobs.claim(due, now=at(seconds), lease=LEASE)


async def spread(catalog: SqlCatalog, held: Job) -> Job:
    parts = parts_of_preparation(held, chunk_count=5, part_chunks=2, now=at(0))
    async with catalog.writing() as tx:
        await tx.jobs.spread(held, parts, stage="embed", total=5, now=at(0))
    return await now(catalog, held)


async def now(catalog: SqlCatalog, held: Job) -> Job:
    async with catalog.reading() as tx:
        return await tx.jobs.get(SYSTEM, held.id)


async def finish(catalog: SqlCatalog, part: Job, *, done: int = 2) -> Job | None:
    async with catalog.writing() as tx:
        return await tx.jobs.finish_part(part, done=done, now=at(9))


async def test_parts_stand_in_the_place_of_their_whole(catalog: SqlCatalog, whole: Job) -> None:
    parts = await claim(catalog)

    assert [part.subject for part in parts] == ["doc_a/1/0-2", "doc_a/1/2-4", "doc_a/1/4-5"]
    assert {(part.whole_id, part.sequence, part.priority) for part in parts} == {("job_a", 1, whole.priority)}


async def test_a_spread_job_runs_and_nobody_claims_it_however_long_it_takes(catalog: SqlCatalog, whole: Job) -> None:
    assert (whole.state, whole.stage, whole.done, whole.total) == (JobState.RUNNING, "embed", 0, 5)
    assert await claim(catalog, JobKind.PREPARE_REVISION, seconds=10**6) == []
    async with catalog.reading() as tx:
        assert await tx.jobs.heartbeats() == []


async def test_whoever_held_a_job_that_was_spread_has_lost_it(catalog: SqlCatalog, whole: Job) -> None:
    before = replace(whole, fence=whole.fence - 1)

    async with catalog.writing() as tx:
        assert await tx.jobs.extend([before], now=at(1), lease=LEASE) == frozenset()
    with pytest.raises(LeaseLost):
        await spread(catalog, before)


async def test_the_last_part_ends_the_whole(catalog: SqlCatalog, whole: Job) -> None:
    first, second, last = await claim(catalog)

    assert await finish(catalog, second) is None
    assert await finish(catalog, first) is None
    assert (await now(catalog, whole)).done == 4
    ended = await finish(catalog, last, done=1)

    assert ended == await now(catalog, whole)
    assert (ended.state, ended.done, ended.finished_at) == (JobState.SUCCEEDED, 5, at(9))


async def test_of_parts_that_end_together_one_is_the_last(catalog: SqlCatalog, whole: Job) -> None:
    parts = await claim(catalog)

    ends = await asyncio.gather(*(finish(catalog, part) for part in parts))

    assert [end.id for end in ends if end is not None] == [whole.id]
    assert (await now(catalog, whole)).done == 6


async def test_a_part_that_ends_twice_counts_once(catalog: SqlCatalog, whole: Job) -> None:
    first, *_ = await claim(catalog)
    await finish(catalog, first)

    with pytest.raises(LeaseLost):
        await finish(catalog, first)

    assert (await now(catalog, whole)).done == 2


async def test_a_part_whose_worker_died_is_claimed_again_and_its_first_holder_counts_nothing(
    catalog: SqlCatalog, whole: Job
) -> None:
    dead = await claim(catalog)
    again = await claim(catalog, seconds=31)

    with pytest.raises(LeaseLost):
        await finish(catalog, dead[0])

    assert [part.attempts for part in again] == [2, 2, 2]
    assert (await now(catalog, whole)).done == 0


async def test_cancelling_the_whole_ends_its_parts(catalog: SqlCatalog, whole: Job) -> None:
    running, *_ = await claim(catalog)

    async with catalog.writing() as tx:
        await tx.jobs.cancel(SYSTEM, whole.id, now=at(1))

    assert await claim(catalog, seconds=31) == []
    with pytest.raises(LeaseLost):
        await finish(catalog, running)


async def test_a_dead_part_ends_the_whole_with_its_reason(catalog: SqlCatalog, whole: Job) -> None:
    part, *others = await claim(catalog)

    async with catalog.writing() as tx:
        await tx.jobs.fail(part.id, part.fence, reason=ReasonCode.INTERNAL, detail="why", retry_at=None, now=at(1))

    dead = await now(catalog, whole)
    assert (dead.state, dead.reason, dead.detail) == (JobState.DEAD, ReasonCode.INTERNAL, "why")
    with pytest.raises(LeaseLost):
        await finish(catalog, others[0])


async def test_a_whole_that_is_tried_again_has_new_parts(catalog: SqlCatalog, whole: Job) -> None:
    part, *_ = await claim(catalog)
    async with catalog.writing() as tx:
        await tx.jobs.fail(part.id, part.fence, reason=ReasonCode.INTERNAL, detail="", retry_at=None, now=at(1))
        # As `retry` does, which looks for the revision, too.
        await tx.jobs.add(replace(job("b"), subject="doc_a/1"))

    [again] = await claim(catalog, JobKind.PREPARE_REVISION, seconds=2)
    await spread(catalog, again)

    assert {part.whole_id for part in await claim(catalog, seconds=2)} == {"job_b"}


async def test_why_a_part_waits_is_told_in_the_whole_until_one_is_done(catalog: SqlCatalog, whole: Job) -> None:
    part, other, _ = await claim(catalog)
    async with catalog.writing() as tx:
        await tx.jobs.wait(part.id, part.fence, look_at=at(5), detail="the model is away")

    told = await now(catalog, whole)
    await finish(catalog, other)

    assert (told.state, told.detail) == (JobState.RUNNING, "the model is away")
    assert (await now(catalog, whole)).detail is None


async def test_people_see_the_whole_alone(catalog: SqlCatalog, whole: Job) -> None:
    part, *_ = await claim(catalog)

    async with catalog.writing() as tx:
        page = await tx.jobs.list(SYSTEM, PageRequest())
        counts = await tx.jobs.counts(SYSTEM)
        with pytest.raises(NotFound):
            await tx.jobs.cancel(SYSTEM, part.id, now=at(1))

    assert [each.id for each in page.items] == [whole.id]
    assert sum(counts.values()) == 1


async def test_a_spread_job_is_starved_when_nobody_embeds(catalog: SqlCatalog, whole: Job) -> None:
    async with catalog.reading() as tx:
        starved = [
            await tx.jobs.starved(SYSTEM, now=at(0), served_kinds=kinds, starved_after=LEASE)
            for kinds in (OTHERS, frozenset(JobKind))
        ]

    shown = [
        seen(whole, now=at(0), served_kinds=kinds, starved_after=LEASE).shown_state
        for kinds in (OTHERS, frozenset(JobKind))
    ]
    assert (starved, shown) == ([1, 0], [STARVED, "running"])


async def test_erasing_a_document_ends_the_parts_of_its_jobs(catalog: SqlCatalog) -> None:
    await with_two_documents(catalog)
    async with catalog.writing() as tx:
        await tx.jobs.add(job("a"))
    await spread(catalog, (await claim(catalog, JobKind.PREPARE_REVISION))[0])
    running, *_ = await claim(catalog)

    await request(catalog)

    assert await claim(catalog, seconds=31) == []
    with pytest.raises(LeaseLost):
        await finish(catalog, running)
    removal, _ = await remove(catalog)
    assert removal.removed["jobs"] == 4
