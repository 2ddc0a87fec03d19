"""How a job ends, by what its handler raises; and what becomes of jobs when clocks jump."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from ingestion.lanes import BULK, EVERYTHING, INTERACTIVE, SOURCES, Queue
from rag_service.domain.ids import DraftId
from rag_service.domain.jobs import Job, JobKind, JobState, Priority
from rag_service.domain.work_queues import SERVED_QUEUES, kinds_of
from rag_service.errors import Conflict, IndexUnavailable, LeaseLost, LimitExceeded, NotFound, SlotTaken
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.running_jobs import START, Recorder, Shop, another, open_shop


@pytest.fixture
async def shop(migrated_dir: Path) -> AsyncIterator[Shop]:
    async with open_shop(migrated_dir) as opened:
        yield opened


async def test_a_seal_that_finds_the_slot_taken_waits_without_losing_an_attempt(shop: Shop) -> None:
    job_id = await shop.add("draft", JobKind.SEAL_DRAFT)
    runner = shop.runner()
    shop.seal.error = SlotTaken("another one is sealed")
    for _ in range(5):
        assert await runner.run_next() == 1
        assert await runner.run_next() == 0
        shop.clocks.pass_(1)
    assert ((await shop.job(job_id)).state, (await shop.job(job_id)).attempts) == (JobState.WAITING, 0)

    shop.seal.error = None
    await runner.run_next()

    assert (await shop.job(job_id)).state is JobState.SUCCEEDED


async def test_an_outage_uses_up_no_attempt_however_long_it_takes(shop: Shop) -> None:
    job_id = await shop.add("draft", JobKind.SEAL_DRAFT)
    shop.seal.error = IndexUnavailable("the index host is down")
    for _ in range(10):
        await shop.runner().run_next()
        shop.clocks.pass_(5)
    waiting = await shop.job(job_id)
    assert (waiting.state, waiting.attempts, waiting.detail) == (JobState.WAITING, 0, "the index host is down")

    shop.seal.error = None
    await shop.runner().run_next()

    assert (await shop.job(job_id)).state is JobState.SUCCEEDED


async def test_a_source_that_brings_more_than_may_wait_pauses_without_losing_an_attempt(shop: Shop) -> None:
    job_id = await shop.add("run", JobKind.SYNC_SOURCE)
    shop.prepare.error = LimitExceeded("too much waits", retry_after_s=30)
    await shop.runner().run_next()
    waiting = await shop.job(job_id)

    shop.prepare.error = None
    shop.clocks.pass_(29)
    assert await shop.runner().run_next() == 0
    shop.clocks.pass_(1)
    await shop.runner().run_next()

    assert (waiting.state, waiting.attempts, waiting.detail) == (JobState.WAITING, 0, "too much waits")
    assert (await shop.job(job_id)).state is JobState.SUCCEEDED


async def test_another_seal_goes_on_while_one_waits(shop: Shop) -> None:
    await shop.add("first", JobKind.SEAL_DRAFT)
    shop.seal.error = SlotTaken("another one is sealed")
    await shop.runner().run_next()
    await shop.add("second", JobKind.SEAL_DRAFT)
    shop.seal.error = None

    await shop.runner().run_next()

    assert shop.seal.sealed == [DraftId("second")]


async def test_a_failed_job_is_tried_again_after_a_pause_and_is_dead_after_its_last_attempt(shop: Shop) -> None:
    job_id = await shop.add("doc/1")
    shop.prepare.error = ZeroDivisionError()
    runner = shop.runner()
    for pause_s in (1, 4):
        await runner.run_next()
        failed = await shop.job(job_id)
        assert (failed.state, failed.detail) == (JobState.FAILED, "ZeroDivisionError")
        assert failed.not_before == shop.clocks.now() + timedelta(seconds=pause_s)
        shop.clocks.pass_(pause_s)

    await runner.run_next()

    assert (await shop.job(job_id)).state is JobState.DEAD
    assert shop.prepare.ran == ["buried doc/1"]


async def test_a_lost_lease_ends_the_work_and_says_nothing(shop: Shop) -> None:
    job_id = await shop.add("doc/1")
    shop.prepare.error = LeaseLost("another worker has it")

    assert await shop.runner().run_next() == 1

    assert (await shop.job(job_id)).state is JobState.RUNNING


async def test_a_draft_that_is_gone_is_not_tried_again(shop: Shop) -> None:
    job_id = await shop.add("draft", JobKind.UNSEAL_DRAFT)
    shop.seal.error = NotFound("draft", "draft")

    await shop.runner().run_next()

    dead = await shop.job(job_id)
    assert (dead.state, dead.reason, dead.attempts) == (JobState.DEAD, ReasonCode.INTERNAL, 1)


async def test_a_draft_that_cannot_be_unsealed_is_a_conflict_for_people(shop: Shop) -> None:
    job_id = await shop.add("draft", JobKind.UNSEAL_DRAFT)
    shop.seal.error = Conflict("Draft draft is published.")

    await shop.runner().run_next()

    dead = await shop.job(job_id)
    assert (dead.state, dead.reason, dead.detail) == (
        JobState.DEAD,
        ReasonCode.CONFLICT,
        "Draft draft is published.",
    )


async def test_a_cancelled_job_is_no_longer_held(shop: Shop) -> None:
    job_id = await shop.add("draft", JobKind.UNSEAL_DRAFT)
    held = await shop.claim()
    async with shop.catalog.writing() as tx:
        await tx.jobs.release([held], now=shop.clocks.now())

    with pytest.raises(LeaseLost):
        await shop.runner()._handlers[JobKind.UNSEAL_DRAFT].run([held])

    assert (shop.seal.sealed, (await shop.job(job_id)).state) == ([], JobState.QUEUED)


async def test_a_job_that_no_worker_survived_is_dead_before_it_takes_another_one(shop: Shop) -> None:
    job_id = await shop.add("doc/1")
    for _ in range(3):
        await shop.claim()
        shop.clocks.pass_(31)

    assert await shop.runner().run_next() == 0

    dead = await shop.job(job_id)
    assert (dead.state, dead.reason) == (JobState.DEAD, ReasonCode.PARSER_CRASHED)


async def test_seals_and_what_people_wait_for_pass_a_bulk_load(shop: Shop) -> None:
    await shop.add("bulk/1")
    await shop.add("person/1", priority=Priority.PERSON)
    await shop.add("draft", JobKind.SEAL_DRAFT)
    runner = shop.runner()

    for _ in range(3):
        await runner.run_next(INTERACTIVE)
    assert (shop.seal.sealed, shop.prepare.ran) == ([DraftId("draft")], ["person/1"])

    await runner.run_next(BULK)
    assert shop.prepare.ran == ["person/1", "bulk/1"]


class _LeavesLarge(Recorder):
    async def choose(self, tx: Transaction, due: Sequence[Job], queue: Queue) -> Sequence[Job]:
        return [job for job in due if not (queue.only_small and job.subject.startswith("large"))]


async def test_a_small_upload_is_found_behind_large_ones(shop: Shop) -> None:
    shop.prepare = _LeavesLarge(shop.catalog, shop.clocks)
    for subject in ("large/1", "large/2", "large/3", "small/1"):
        await shop.add(subject, priority=Priority.PERSON)

    await shop.runner().run_next(INTERACTIVE)

    assert shop.prepare.ran == ["small/1"]


def test_the_lanes_together_take_every_kind_that_ingestion_serves() -> None:
    assert INTERACTIVE.kinds | BULK.kinds | SOURCES.kinds == EVERYTHING.kinds == kinds_of(SERVED_QUEUES)


@pytest.mark.parametrize("hours", [1, -1])
async def test_jobs_keep_their_order_and_none_is_stuck_or_doubled_when_the_clock_jumps(
    shop: Shop, hours: float
) -> None:
    runner = shop.runner()
    await shop.add("a/1")
    await shop.add("b/1")
    shop.clocks.jump(hours)
    await shop.add("c/1")
    shop.clocks.jump(-2 * hours)
    await shop.add("d/1")

    for _ in range(6):
        await runner.run_next()

    assert shop.prepare.ran == ["a/1", "b/1", "c/1", "d/1"]


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_failed_job_is_tried_again_when_the_clock_jumps(shop: Shop, hours: float) -> None:
    await shop.add("a/1")
    shop.prepare.error = ZeroDivisionError()
    runner = shop.runner()
    await runner.run_next()
    shop.prepare.error = None

    shop.clocks.jump(hours)
    shop.clocks.pass_(1)
    await runner.run_next()

    assert shop.prepare.ran == ["a/1"]


async def test_the_job_of_a_dead_worker_is_found_after_two_leases_though_the_clock_went_back(shop: Shop) -> None:
    await shop.add("a/1")
    await shop.claim()
    shop.clocks.jump(-1)
    runner = shop.runner()
    assert await runner.run_next() == 0

    shop.clocks.pass_(59)
    assert await runner.run_next() == 0
    shop.clocks.pass_(11)
    assert await runner.run_next() == 1

    assert shop.prepare.ran == ["a/1"]


async def test_a_worker_whose_clock_is_an_hour_ahead_takes_a_job_over_and_it_counts_once(shop: Shop) -> None:
    job_id = await shop.add("a/1")
    held = await shop.claim()
    ahead = another(shop.clocks)
    ahead.jump(1)

    await shop.runner(ahead).run_next()
    await shop.prepare.run([held])

    assert shop.prepare.ran == ["a/1"]
    done = await shop.job(job_id)
    assert (done.state, done.fence, done.created_at) == (JobState.SUCCEEDED, 2, START)


async def test_a_job_in_hand_is_not_taken_for_lost_when_the_clock_goes_forward(shop: Shop) -> None:
    job_id = await shop.add("draft", JobKind.UNSEAL_DRAFT)
    shop.seal.go_on.clear()
    runner = shop.runner()
    running = asyncio.create_task(runner.run_next())
    await shop.seal.begun.wait()

    shop.clocks.jump(1)
    assert await runner.run_next() == 0
    shop.seal.go_on.set()
    await running

    done = await shop.job(job_id)
    assert (done.state, done.fence, shop.seal.sealed) == (JobState.SUCCEEDED, 1, [DraftId("draft")])
