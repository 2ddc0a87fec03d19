"""Runs of suites as the evaluation worker carries them out, by hand, after a publish and when something is away."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from ingestion.bootstrap import Worker
from rag_service.catalog.tables import eval_runs
from rag_service.domain.access import AccessScope
from rag_service.domain.evaluation_watch import REGRESSED
from rag_service.domain.evaluations import EvalRun, EvalRunState, RunPurpose
from rag_service.domain.ids import EvalRunId
from rag_service.domain.jobs import JobKind, JobState
from rag_service.domain.pages import PageRequest
from rag_service.errors import CatalogUnavailable
from rag_service.reasons import ReasonCode
from tests.integration.desk import Desk
from tests.integration.evaluating import open_house
from tests.integration.evaluation_desk import EvaluationDesk, beside, without_ragas

RUN = JobKind.RUN_SUITE


@pytest.fixture
async def place(worker: Worker, admin: AccessScope) -> EvaluationDesk:
    return without_ragas(beside(await open_house(Desk(worker=worker, admin=admin, corpus="house"))))


async def started(place: EvaluationDesk) -> EvalRunId:
    run, _ = await place.parts.start_evaluation.start(place.desk.admin, corpus="house")
    return run.id


async def read(place: EvaluationDesk, run_id: EvalRunId) -> EvalRun:
    return await place.parts.evaluations.get(place.desk.admin, run_id)


async def newest(place: EvaluationDesk) -> EvalRun:
    page = await place.parts.evaluations.list(place.desk.admin, page=PageRequest(limit=1))
    return page.items[0]


def failing(place: EvaluationDesk, error: Exception) -> None:
    """Let every run of a suite meet an error from now on."""

    async def run_suite(*_: Any, **__: Any) -> EvalRun:
        raise error

    place.measuring.runner._handlers[RUN]._run_suite = run_suite  # type: ignore[attr-defined]


async def test_a_run_by_hand_is_carried_out(place: EvaluationDesk) -> None:
    run_id = await started(place)

    assert await place.measure() == 1

    run = await read(place, run_id)
    assert (run.state, run.number, run.done, run.total) == (EvalRunState.FINISHED, 1, 5, 5)
    assert (await place.job(run_id, RUN)).state is JobState.SUCCEEDED


async def test_a_run_that_was_removed_is_done_with(place: EvaluationDesk) -> None:
    run_id = await started(place)
    async with place.parts.catalog._database.writing() as connection:  # type: ignore[attr-defined]
        await connection.execute(eval_runs.delete().where(eval_runs.c.id == run_id))

    await place.measure()

    assert (await place.job(run_id, RUN)).state is JobState.SUCCEEDED


async def test_a_run_that_meets_an_error_to_the_last_attempt_says_so(place: EvaluationDesk) -> None:
    run_id = await started(place)
    failing(place, ZeroDivisionError())

    for _ in range(3):
        assert (await read(place, run_id)).state is EvalRunState.QUEUED
        await place.attempt()

    run, job = await read(place, run_id), await place.job(run_id, RUN)
    assert (run.state, run.error) == (EvalRunState.FAILED, "ZeroDivisionError")
    assert (job.state, job.reason) == (JobState.DEAD, ReasonCode.INTERNAL)


async def test_a_full_disk_is_waited_for(place: EvaluationDesk) -> None:
    run_id = await started(place)
    failing(place, CatalogUnavailable("database or disk is full"))
    for _ in range(5):
        await place.attempt()
        job = await place.job(run_id, RUN)
        assert (job.state, job.attempts) == (JobState.WAITING, 0)

    without_ragas(place)
    await place.attempt()

    assert (await read(place, run_id)).state is EvalRunState.FINISHED


async def test_a_run_that_somebody_stops_says_so(place: EvaluationDesk) -> None:
    run_id = await started(place)

    await place.parts.jobs.cancel(place.desk.admin, (await place.job(run_id, RUN)).id)

    run = await read(place, run_id)
    assert (run.state, run.error) == (EvalRunState.FAILED, "Somebody stopped it.")


@pytest.mark.slow
async def test_a_dead_judge_leaves_scores_missing_and_the_run_finished(worker: Worker, admin: AccessScope) -> None:
    pytest.importorskip("instructor", reason="the extra 'eval' is not installed")
    desk = await open_house(Desk(worker=worker, admin=admin, corpus="house"))
    settings = worker.container.settings
    dead = settings.evaluation.model_copy(
        update={"judge_url": "http://127.0.0.1:1/v1", "judge_model": "m", "judge_timeout_s": 5.0}
    )
    place = beside(desk, settings=settings.model_copy(update={"evaluation": dead}))
    run_id = await started(place)

    await place.measure()

    run = await read(place, run_id)
    figures = {figure.name: figure for figure in run.figures}
    judged, ours = figures["ragas: faithfulness"], figures["faithfulness (verifier)"]
    assert (run.state, (run.judge or "").split(" ")[0]) == (EvalRunState.FINISHED, "m")
    assert (judged.value, judged.measured) == (None, 0)
    assert any(reason.startswith("the judge") for reason in judged.missing)
    assert ours.value is not None and ours.measured > 0
    assert [one.judge_failures for one in (await place.parts.watch_evaluations()).suites] == [1.0]


async def test_a_publish_by_itself_is_measured_and_what_is_worse_is_told(place: EvaluationDesk) -> None:
    assert await place.measuring.start_due_runs() == 1
    await place.measure()
    await place.desk.publish_removal("parking")
    place.clock.passed += timedelta(minutes=30)
    assert await place.measuring.start_due_runs() == 1
    with capture_logs() as logs:
        await place.measure()

    run = await newest(place)
    figure = next(figure for figure in run.figures if figure.name == REGRESSED)
    assert (run.purpose, run.number, figure.value, figure.measured) == (RunPurpose.AFTER_PUBLISH, 2, 1.0, 5)
    assert "1 of 5 questions are worse off" in run.notes[0] and "car park" not in "".join(run.notes)
    assert [line["questions"] for line in logs if line["event"] == "evaluation_regressed"] == [1]


async def test_a_publish_that_loses_nothing_raises_no_alert(place: EvaluationDesk) -> None:
    await place.measuring.start_due_runs()
    await place.measure()
    await place.desk.publish({"lifts": "# Lifts\n\nThe lifts are inspected in May."})
    place.clock.passed += timedelta(minutes=30)
    await place.measuring.start_due_runs()
    with capture_logs() as logs:
        await place.measure()

    assert next(figure for figure in (await newest(place)).figures if figure.name == REGRESSED).value == 0.0
    assert not [line for line in logs if line["event"] == "evaluation_regressed"]
