import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.errors import LeaseLost, NotFound
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import STRANGER, SYSTEM, add_tenants, at, job

LEASE = timedelta(seconds=30)
EVERY_KIND = tuple(JobKind)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    async with catalog.writing() as transaction:
        await add_tenants(transaction)
        await transaction.jobs.add(job("a"))
    return catalog


async def claim(catalog: SqlCatalog, seconds: float = 0, kinds: tuple[JobKind, ...] = EVERY_KIND) -> Job | None:
    async with catalog.writing() as transaction:
        due = await transaction.jobs.due(kinds, now=at(seconds), limit=1)
        taken = await transaction.jobs.claim(due, now=at(seconds), lease=LEASE)
    return taken[0] if taken else None


async def claimed(catalog: SqlCatalog, seconds: float = 0) -> Job:
    job = await claim(catalog, seconds)
    assert job is not None
    return job


async def test_a_claimed_job_runs_under_a_lease(catalog: SqlCatalog) -> None:
    expected = replace(
        job("a"),
        state=JobState.RUNNING,
        sequence=1,
        attempts=1,
        fence=1,
        lease_until=at(30),
        started_at=at(0),
        changes=1,
    )

    assert await claim(catalog) == expected


async def test_a_job_is_not_claimed_before_its_time(catalog: SqlCatalog) -> None:
    await claimed(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.add(job("later", seconds=10))

    assert await claim(catalog, 9) is None
    assert (await claimed(catalog, 10)).id == "job_later"


async def test_only_the_kinds_asked_for_are_claimed(catalog: SqlCatalog) -> None:
    assert await claim(catalog, kinds=(JobKind.SEAL_DRAFT,)) is None


async def test_two_claimers_never_get_the_same_job(catalog: SqlCatalog, catalog_url: str) -> None:
    names = [f"n{number}" for number in range(12)]
    async with catalog.writing() as transaction:
        for name in names:
            await transaction.jobs.add(job(name))

    async def claim_all(opened: SqlCatalog) -> list[str]:
        mine = []
        while found := await claim(opened):
            mine.append(found.id)
        return mine

    async with open_catalog(catalog_url) as other:
        taken = await asyncio.gather(*(claim_all(opened) for opened in (catalog, other, catalog, other)))

    every = [job_id for mine in taken for job_id in mine]
    assert sorted(every) == sorted(["job_a", *(f"job_{name}" for name in names)])


async def test_a_job_is_not_claimed_twice_within_its_lease(catalog: SqlCatalog) -> None:
    await claimed(catalog)

    assert await claim(catalog, 29) is None


async def test_a_job_whose_lease_ran_out_is_claimed_again_with_a_higher_fence(catalog: SqlCatalog) -> None:
    first = await claimed(catalog)
    second = await claimed(catalog, 30)

    assert (second.id, second.attempts, second.fence) == (first.id, 2, first.fence + 1)


async def test_an_old_fence_can_do_nothing(catalog: SqlCatalog) -> None:
    old = await claimed(catalog)
    await claimed(catalog, 30)

    async with catalog.writing() as transaction:
        jobs = transaction.jobs
        for call in (
            jobs.progress(old.id, old.fence, stage="parse", done=1, total=2, now=at(30)),
            jobs.assert_held(old.id, old.fence),
            jobs.fail(old.id, old.fence, reason=ReasonCode.INTERNAL, detail="", retry_at=None, now=at(30)),
            jobs.wait(old.id, old.fence, look_at=at(31), detail=""),
        ):
            with pytest.raises(LeaseLost):
                await call
        assert await jobs.extend([old], now=at(30), lease=LEASE) == frozenset()
        assert await jobs.succeed([old], now=at(30)) == frozenset()
        await jobs.release([old], now=at(30))

        assert (await jobs.get(SYSTEM, old.id)).state is JobState.RUNNING


async def test_many_jobs_are_claimed_at_once_in_their_order(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        for seconds in (-2, -5):
            await transaction.jobs.add(job(f"at{seconds}", seconds=seconds))
        due = await transaction.jobs.due(EVERY_KIND, now=at(0), limit=2)
        taken = await transaction.jobs.claim(due, now=at(0), lease=LEASE)

    assert [(item.id, item.fence, item.lease_until) for item in taken] == [
        ("job_a", 1, at(30)),
        ("job_at-2", 1, at(30)),
    ]


async def test_of_many_jobs_only_those_still_held_are_closed(catalog: SqlCatalog) -> None:
    lost = await claimed(catalog)
    await claimed(catalog, 30)
    async with catalog.writing() as transaction:
        await transaction.jobs.add(job("held"))
    held = await claimed(catalog)

    async with catalog.writing() as transaction:
        assert await transaction.jobs.succeed([lost, held], now=at(31)) == {held.id}

        states = [(await transaction.jobs.get(SYSTEM, item.id)).state for item in (lost, held)]
    assert states == [JobState.RUNNING, JobState.SUCCEEDED]


async def test_the_newest_fence_holds_the_job(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)

    async with catalog.writing() as transaction:
        await transaction.jobs.assert_held(held.id, held.fence)
        await transaction.jobs.succeed([held], now=at(1))
        with pytest.raises(LeaseLost):
            await transaction.jobs.assert_held(held.id, held.fence)


async def test_an_extended_lease_keeps_others_away(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.extend([held], now=at(20), lease=LEASE)

    assert await claim(catalog, 49) is None
    assert await claim(catalog, 50) is not None


async def test_progress_is_seen_by_the_tenant_only(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.progress(held.id, held.fence, stage="embed", done=3, total=9, now=at(2))

        seen = await transaction.jobs.get(SYSTEM, held.id)
        assert (seen.stage, seen.done, seen.total, seen.stage_started_at) == ("embed", 3, 9, at(2))
        assert await transaction.jobs.of_subject(STRANGER, held.subject) == []
        with pytest.raises(NotFound):
            await transaction.jobs.get(STRANGER, held.id)


async def test_a_job_that_succeeded_is_not_claimed_again(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.succeed([held], now=at(1))

    assert await claim(catalog, 1000) is None


async def test_a_failed_job_waits_for_its_next_attempt(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        failed = await transaction.jobs.fail(
            held.id, held.fence, reason=ReasonCode.PARSER_TIMEOUT, detail="slow", retry_at=at(5), now=at(1)
        )

    assert (failed.state, failed.reason, failed.detail) == (JobState.FAILED, ReasonCode.PARSER_TIMEOUT, "slow")
    assert await claim(catalog, 4) is None
    assert (await claimed(catalog, 5)).attempts == 2


async def test_a_dead_job_waits_for_a_person(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        dead = await transaction.jobs.fail(
            held.id, held.fence, reason=ReasonCode.DAMAGED, detail="", retry_at=None, now=at(1)
        )

    assert (dead.state, dead.finished_at) == (JobState.DEAD, at(1))
    assert await claim(catalog, 1000) is None


async def test_the_jobs_of_a_subject_are_listed_newest_first(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        again = replace(job("again", seconds=1), subject=job("a").subject, kind=JobKind.SEAL_DRAFT)
        await transaction.jobs.add(again)

        found = await transaction.jobs.of_subject(SYSTEM, job("a").subject)

    assert [item.id for item in found] == ["job_again", "job_a"]


async def test_a_stage_keeps_its_beginning_while_it_goes_on(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        for seconds, stage in ((1, "parse"), (2, "embed"), (3, "embed")):
            await transaction.jobs.progress(held.id, held.fence, stage=stage, done=0, total=9, now=at(seconds))

        assert (await transaction.jobs.get(SYSTEM, held.id)).stage_started_at == at(2)


async def test_what_people_can_see_of_a_job_is_counted_and_its_lease_is_not(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.progress(held.id, held.fence, stage="parse", done=0, total=None, now=at(1))
        await transaction.jobs.extend([held], now=at(2), lease=LEASE)
        await transaction.jobs.succeed([held], now=at(3))

        over = await transaction.jobs.get(SYSTEM, held.id)

    assert (over.changes, over.heartbeat, over.finished_at) == (3, 1, at(3))


async def test_a_job_that_waits_loses_no_attempt_and_is_looked_at_again(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        waiting = await transaction.jobs.wait(held.id, held.fence, look_at=at(1), detail="the slot is taken")

    assert (waiting.state, waiting.attempts) == (JobState.WAITING, 0)
    assert await claim(catalog, 0.5) is None
    assert (await claimed(catalog, 1)).attempts == 1


async def test_a_released_job_is_queued_as_if_it_had_not_begun(catalog: SqlCatalog) -> None:
    held = await claimed(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.release([held], now=at(1))

        back = await transaction.jobs.get(SYSTEM, held.id)

    assert (back.state, back.attempts, back.lease_until) == (JobState.QUEUED, 0, None)
    assert (await claimed(catalog, 1)).fence == 2


async def test_a_job_that_waits_for_the_same_thing_for_hours_has_not_changed(catalog: SqlCatalog) -> None:
    changes = []
    for second in range(4):
        held = await claimed(catalog, second)
        async with catalog.writing() as transaction:
            waiting = await transaction.jobs.wait(
                held.id, held.fence, look_at=at(second + 1), detail="the slot is taken"
            )
        changes.append(waiting.changes)

    assert changes == [2, 2, 2, 2]


async def test_a_job_that_waits_for_something_else_has_changed(catalog: SqlCatalog) -> None:
    changes = []
    for second, detail in enumerate(["the slot is taken", "the index is down"]):
        held = await claimed(catalog, second)
        async with catalog.writing() as transaction:
            waiting = await transaction.jobs.wait(held.id, held.fence, look_at=at(second + 1), detail=detail)
        changes.append(waiting.changes)

    assert changes == [2, 3]


async def test_a_job_that_got_somewhere_before_it_waits_again_has_changed(catalog: SqlCatalog) -> None:
    changes = []
    for second in range(2):
        held = await claimed(catalog, second)
        async with catalog.writing() as transaction:
            await transaction.jobs.progress(held.id, held.fence, stage="embed", done=1, total=2, now=at(second))
            waiting = await transaction.jobs.wait(
                held.id, held.fence, look_at=at(second + 1), detail="the index is down"
            )
        changes.append(waiting.changes)

    assert changes == [3, 6]
