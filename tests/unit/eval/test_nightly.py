"""Each night has one run of each corpus, whatever workers and clocks do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.nightly import Nightly, night_of
from rag_service.domain.evaluations import RunPurpose
from rag_service.domain.golden import GoldenState
from rag_service.domain.jobs import Priority
from tests.contract.catalog_values import CORPUS, OURS, SYSTEM
from tests.evaluation_values import golden
from tests.unit.eval.watched import Watched, watched_corpus

AT_TWO = Nightly("02:00")


@pytest.fixture
async def watched(migrated_dir: Path) -> AsyncIterator[Watched]:
    async with watched_corpus(migrated_dir) as opened:
        yield opened


async def looks(watched: Watched, times: int = 3) -> int:
    """Look that many times in a row, and return how many runs were started."""
    start = watched.starting(AT_TWO)
    return sum([await start() for _ in range(times)])


async def test_nothing_is_measured_before_the_night(watched: Watched) -> None:
    watched.clock.turn_to(11, 1, 59)

    assert await looks(watched) == 0


async def test_a_night_has_one_run_however_often_is_looked(watched: Watched) -> None:
    watched.clock.turn_to(11, 2)

    assert await looks(watched) == 1
    watched.clock.turn_to(11, 23)
    assert await looks(watched) == 0
    assert [run.purpose for run in await watched.runs()] == [RunPurpose.NIGHTLY]


async def test_the_next_night_has_another_one(watched: Watched) -> None:
    for day in (11, 12, 13):
        watched.clock.turn_to(day, 2, 1)
        assert await looks(watched) == 1
        await watched.finish((await watched.runs())[-1])


async def test_a_night_that_was_missed_is_made_up_for_once(watched: Watched) -> None:
    watched.clock.turn_to(14, 9)

    assert await looks(watched) == 1


async def test_several_workers_start_one_run(watched: Watched) -> None:
    watched.clock.turn_to(11, 2)

    started = await asyncio.gather(*(watched.starting(AT_TWO)() for _ in range(4)))

    assert sum(started) == 1
    assert await watched.priorities() == [Priority.BACKGROUND]


async def test_a_clock_that_goes_back_starts_no_second_run(watched: Watched) -> None:
    watched.clock.turn_to(11, 2, 5)
    assert await looks(watched) == 1

    for moment in ((11, 1, 55), (11, 2, 0), (11, 2, 5)):
        watched.clock.turn_to(*moment)
        assert await looks(watched) <= (moment < (11, 2))
    assert len([run for run in await watched.runs() if run.created_at >= datetime(2026, 3, 11, 2, tzinfo=UTC)]) == 1


async def test_a_run_that_was_dated_years_ahead_keeps_no_night_from_its_run(watched: Watched) -> None:
    watched.clock.now = datetime(2031, 1, 1, 3, tzinfo=UTC)
    assert await looks(watched) == 1
    await watched.finish((await watched.runs())[-1])

    watched.clock.turn_to(11, 2)

    assert await looks(watched) == 1


async def test_questions_of_this_morning_wait_for_the_night(watched: Watched) -> None:
    async with watched.catalog.writing() as tx:
        for question in await tx.golden.all(SYSTEM, CORPUS, states=set(GoldenState)):
            await tx.golden.remove(SYSTEM, question.id)
    watched.clock.turn_to(11, 9)
    await watched.ask(golden("gold_2", corpus_id=CORPUS, tenant_id=OURS, created_at=watched.clock()))

    assert await looks(watched) == 0
    watched.clock.turn_to(12, 2)
    assert await looks(watched) == 1


async def test_a_run_that_waits_already_is_measured_first(watched: Watched) -> None:
    watched.clock.turn_to(11, 2)
    by_hand = watched.starting()._start
    waiting, _ = await by_hand.start(SYSTEM, corpus=CORPUS)

    assert await looks(watched) == 0
    await watched.finish(waiting)
    assert await looks(watched) == 1


@given(st.integers(0, 2**31), st.times())
def test_a_moment_is_in_the_night_that_began_within_the_day_before(seconds: int, at: time) -> None:
    now = datetime.fromtimestamp(seconds + 10**6, UTC)

    night = night_of(now, at=f"{at:%H:%M}")

    assert 0 <= (now - night).total_seconds() < 24 * 3600
    assert f"{night:%H:%M:%S}" == f"{at:%H:%M}:00"
