"""What the automatic draft publishes is measured afterwards, but not for ever, and an alert tells when it is worse."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from eval.after_publish import AfterPublish, compared_with_before, regressed_cases, tell_regressed
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.evaluation_watch import REGRESSED
from rag_service.domain.evaluations import CaseResult, EvalRun, RunPurpose
from rag_service.domain.jobs import JobState
from rag_service.domain.pages import PageRequest
from tests.contract.catalog_values import SYSTEM, hold, publish_in, seal_in
from tests.evaluation_values import abstained, evidence, figure, keep_results, result, run
from tests.unit.eval.watched import Watched, watched_corpus

AFTER = AfterPublish()


@pytest.fixture
async def watched(migrated_dir: Path) -> AsyncIterator[Watched]:
    async with watched_corpus(migrated_dir) as opened:
        yield opened


async def newest(watched: Watched) -> EvalRun:
    return (await watched.runs())[-1]


async def measured(watched: Watched, *results: CaseResult) -> EvalRun:
    """Have what is published measured, with these results."""
    assert await watched.starting(AFTER)() == 1
    run = await newest(watched)
    async with watched.catalog.writing() as tx:
        await keep_results(tx, SYSTEM, run, results)
    await watched.finish(run)
    return await newest(watched)


async def compared(watched: Watched, run: EvalRun) -> EvalRun:
    async with watched.catalog.reading() as tx:
        return await compared_with_before(tx, SYSTEM, run)


async def test_a_version_is_measured_once(watched: Watched) -> None:
    start = watched.starting(AFTER)

    assert [await start(), await start()] == [1, 0]
    run = await newest(watched)
    assert (run.purpose, run.number) == (RunPurpose.AFTER_PUBLISH, 1)
    await watched.finish(run)
    watched.clock.pass_by(days=3)
    assert await start() == 0


async def test_what_a_gate_has_let_through_is_not_measured_again(watched: Watched) -> None:
    draft_id = await hold(watched.catalog, "b")
    async with watched.catalog.writing() as tx:
        await tx.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PUBLISH)
        await publish_in(tx, await seal_in(tx, draft_id))

    assert await watched.starting(AFTER)() == 0


async def test_of_many_publishes_in_a_row_the_newest_is_measured_after_a_pause(watched: Watched) -> None:
    start = watched.starting(AFTER)
    await measured(watched)
    for number in (2, 3, 4):
        await watched.publish_again(number)

    watched.clock.pass_by(minutes=9)
    assert await start() == 0
    watched.clock.pass_by(minutes=1)
    assert await start() == 1
    assert [run.number for run in await watched.runs()] == [1, 4]


async def test_no_second_run_is_started_while_one_waits_or_runs(watched: Watched) -> None:
    start = watched.starting(AFTER)
    await start()
    await watched.publish_again(2)
    watched.clock.pass_by(hours=5)

    assert await start() == 0


async def test_a_run_that_took_long_makes_the_next_one_wait_longer(watched: Watched) -> None:
    run = await measured(watched)
    await take(watched, minutes=30)
    await watched.finish(run)
    await watched.publish_again(2)
    start = watched.starting(AFTER)

    watched.clock.pass_by(hours=4)
    assert await start() == 0
    watched.clock.pass_by(hours=1, minutes=1)
    assert await start() == 1


async def take(watched: Watched, *, minutes: float) -> None:
    """Let the job of the only run be worked off in that time."""
    async with watched.catalog.writing() as tx:
        (job,) = (await tx.jobs.list(SYSTEM, PageRequest(limit=1))).items
        held = await tx.jobs.claim([job], now=watched.clock(), lease=timedelta(hours=9))
    watched.clock.pass_by(minutes=minutes)
    async with watched.catalog.writing() as tx:
        assert await tx.jobs.succeed(held, now=watched.clock())
        assert (await tx.jobs.get(SYSTEM, job.id)).state is JobState.SUCCEEDED


async def test_a_clock_that_was_ahead_stops_nothing(watched: Watched) -> None:
    start = watched.starting(AFTER)
    watched.clock.pass_by(days=400)
    await measured(watched)
    watched.clock.pass_by(days=-400)
    await watched.publish_again(2)

    assert [await start(), await start()] == [1, 0]


async def test_questions_that_lost_their_citation_or_are_refused_are_counted(watched: Watched) -> None:
    await measured(watched, result("gold_1"), result("gold_2"), result("gold_3"))
    await watched.publish_again(2)
    watched.clock.pass_by(hours=1)
    lost, refused = result("gold_1", evidence(gold_cited=False)), result("gold_2", abstained())
    run = await measured(watched, lost, refused, result("gold_3"))

    figure = (await compared(watched, run)).figures[-1]

    assert (figure.name, figure.value, figure.measured) == (REGRESSED, 2.0, 3)


async def test_a_run_without_one_before_is_compared_with_nothing(watched: Watched) -> None:
    run = await measured(watched, result("gold_1"))

    assert await compared(watched, run) == run


async def test_comparing_twice_says_the_same(watched: Watched) -> None:
    await measured(watched, result("gold_1"))
    await watched.publish_again(2)
    watched.clock.pass_by(hours=1)
    once = await compared(watched, await measured(watched, result("gold_1")))

    assert await compared(watched, once) == once


async def test_what_was_noted_of_the_upload_stays(watched: Watched) -> None:
    await measured(watched, result("gold_1"))
    await watched.publish_again(2)
    watched.clock.pass_by(hours=1)
    run = replace(await measured(watched, result("gold_1")), notes=("It was not uploaded: it was away.",))

    assert (await compared(watched, run)).did_not_arrive


async def test_a_change_of_settings_is_told_with_what_is_worse(watched: Watched) -> None:
    before = await measured(watched, result("gold_1"))
    await watched.finish(before, made_with={"build": "b1", "prompt version": "v1"})
    await watched.publish_again(2)
    watched.clock.pass_by(hours=1)
    after = await measured(watched, result("gold_1", abstained()))

    found = await compared(watched, replace(after, made_with={"build": "b2", "prompt version": "v2"}))

    assert found.notes[1:] == ("It was made another way, which may be why: prompt version v2 instead of v1.",)


def test_an_unanswerable_question_that_is_answered_now_is_worse_off() -> None:
    was, now = abstained(answerable=False, gold=[]), evidence(answerable=False, gold=[])

    assert regressed_cases([result("one", was)], [result("one", now)]) == (1, ["one"])


def test_a_question_that_could_not_be_asked_is_not_called_worse() -> None:
    failed = evidence(status=None, failure="the index is away")

    assert regressed_cases([result("one")], [result("one", failed)]) == (0, [])


def test_what_was_wrong_before_is_no_regression() -> None:
    assert regressed_cases([result("one", abstained())], [result("one", abstained())]) == (1, [])


def test_a_question_that_was_edited_in_between_is_not_compared() -> None:
    was = result("one", evidence(expected=["512 MiB"]))

    assert regressed_cases([was], [result("one", abstained(expected=["1 GiB"]))]) == (0, [])


async def test_an_alert_names_run_and_count_and_no_text(watched: Watched) -> None:
    await measured(watched, result("gold_1"))
    await watched.publish_again(2)
    watched.clock.pass_by(hours=1)
    run = await measured(watched, result("gold_1", abstained()))
    with capture_logs() as logs:
        tell_regressed(await compared(watched, run))

    (line,) = logs
    assert (line["event"], line["run_id"], line["questions"]) == ("evaluation_regressed", run.id, 1)
    assert "car park" not in str(line)


def test_nothing_is_said_when_nothing_is_worse() -> None:
    with capture_logs() as logs:
        tell_regressed(run(figures=(figure(REGRESSED, 0.0),)))

    assert logs == []
