"""Runs of golden questions over a real corpus: kept, resumed, taken over, cancelled."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.domain.causes import STEPS
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.evaluations import EvalRunState, RunPurpose
from rag_service.errors import LeaseLost, NotFound
from tests.integration.desk import Desk
from tests.integration.evaluating import (
    QUESTIONS,
    Failing,
    counting,
    golden,
    open_house,
    queued,
    results,
    run_golden,
)
from tests.otlp_server import otlp_server, plain, receiver_at
from tests.patience import until


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    return await open_house(Desk(worker=worker, admin=admin, corpus="house"))


async def test_a_run_measures_what_is_published(desk: Desk) -> None:
    run = await run_golden(desk, targets={"recall@5": 1.0})

    figures = {figure.name: figure for figure in run.figures}
    assert (run.state, run.number, run.total, run.done, run.passed) == (EvalRunState.FINISHED, 1, 5, 5, True)
    assert (figures["recall@5"].value, figures["recall@5"].measured) == (1.0, 4)
    assert figures["abstention recall"].value == 1.0
    assert figures["faithfulness (verifier)"].measured == 4


async def test_the_evidence_shows_where_the_gold_words_were_found_and_cited(desk: Desk) -> None:
    seen = (await results(desk, await run_golden(desk)))["gold_parking"].evidence

    assert (seen["status"], seen["gold_cited"], seen["gold_rank"]) == ("answered", True, 1)
    assert seen["cited"][0]["document_key"] == "parking"
    assert seen["citations_resolve"] == [True]


async def test_an_evaluation_leaves_no_answers_behind(desk: Desk) -> None:
    await run_golden(desk)

    assert await answers_in(desk) == 0


async def test_a_run_again_without_a_change_asks_nothing(desk: Desk) -> None:
    first = await run_golden(desk)
    parts, counter = counting(desk)

    second = await run_golden(desk, parts=parts)

    assert counter.asked == []
    assert (second.figures, second.done) == (first.figures, 5)


async def test_a_fresh_run_asks_everything_again(desk: Desk) -> None:
    await run_golden(desk)
    parts, counter = counting(desk)

    await run_golden(desk, parts=parts, is_fresh=True)

    assert len(counter.asked) == 5


async def test_another_threshold_is_another_measurement(desk: Desk) -> None:
    await run_golden(desk)
    parts, counter = counting(desk)
    settings = parts.settings
    stricter = settings.model_copy(
        update={"answers": settings.answers.model_copy(update={"answerability_threshold": 0.4})}
    )

    await run_golden(desk, parts=replace(parts, settings=stricter))

    assert len(counter.asked) == 5


async def test_a_run_that_ended_is_sent_to_its_receiver(desk: Desk) -> None:
    with otlp_server() as server:
        run = await run_golden(desk, receiver=receiver_at(server.url))

    sent = {plain(span.attributes)["langfuse.experiment.item.id"] for span in server.spans}
    assert (sent, run.notes) == ((await results(desk, run)).keys(), ())


async def test_a_run_that_was_cut_short_before_it_ended_has_been_sent_and_is_sent_again(desk: Desk) -> None:
    run = await queued(desk, notes=("It was not uploaded: the receiver answered 503.",))
    with otlp_server() as server:
        with pytest.raises(LeaseLost):
            await run_golden(desk, run=run, receiver=receiver_at(server.url), still_held=_lost_after(3))
        cut_short = len(server.requests)
        ended = await run_golden(desk, run=run, receiver=receiver_at(server.url))

    assert (cut_short, len(server.requests)) == (1, 2)
    assert (ended.state, ended.notes) == (EvalRunState.FINISHED, ())


async def test_a_receiver_that_is_gone_changes_nothing_but_a_note(desk: Desk) -> None:
    with otlp_server() as server:
        url = server.url
    run = await run_golden(desk, receiver=receiver_at(url))

    assert (run.state, run.done, run.did_not_arrive) == (EvalRunState.FINISHED, 5, True)
    assert run.notes == ("It was not uploaded: the receiver cannot be reached: ConnectError.",)
    assert run.figures == (await run_golden(desk)).figures


async def test_of_everything_that_a_run_was_made_with_it_is_known_at_which_step_it_acts(desk: Desk) -> None:
    run = await run_golden(desk)

    assert run.made_with.keys() - STEPS.keys() == {"rag-service"}


async def test_what_was_measured_without_ragas_is_measured_again_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.run_suites.ragas_versions", lambda: {"ragas": "absent"})
    await run_golden(desk)
    monkeypatch.setattr("eval.run_suites.ragas_versions", lambda: {"ragas": "0.4.3"})
    parts, counter = counting(desk)

    run = await run_golden(desk, parts=parts)

    assert (len(counter.asked), run.made_with["ragas"]) == (5, "0.4.3")


@pytest.mark.parametrize("purpose", RunPurpose)
async def test_in_a_large_version_only_a_gate_looks_at_every_point_instead_of_walking_the_graph(
    desk: Desk, purpose: RunPurpose
) -> None:
    parts, counter = counting(desk)
    settings = parts.settings
    everything_is_large = settings.model_copy(
        update={"retrieval": settings.retrieval.model_copy(update={"exact_below": 0})}
    )

    run = await run_golden(
        desk, run=await queued(desk, purpose=purpose), parts=replace(parts, settings=everything_is_large)
    )

    is_exact = purpose is RunPurpose.GATE
    assert {options["exact"] for options in counter.options} == {is_exact}
    assert run.made_with["exact search"] == str(is_exact)


async def test_in_a_small_version_a_night_takes_over_what_a_gate_found(desk: Desk) -> None:
    gate = await run_golden(desk, run=await queued(desk, purpose=RunPurpose.GATE))
    parts, counter = counting(desk)

    night = await run_golden(desk, run=await queued(desk, purpose=RunPurpose.NIGHTLY), parts=parts)

    assert (counter.asked, night.figures) == ([], gate.figures)
    assert night.made_with["exact search"] == "True"


async def test_only_a_question_that_was_changed_is_asked_again(desk: Desk) -> None:
    await run_golden(desk)
    async with desk.worker.container.catalog.writing() as tx:
        [changed] = [one for one in await golden(desk) if one.id == "gold_badges"]
        await tx.golden.change(desk.admin, replace(changed, answers=("the security desk",)))
    parts, counter = counting(desk)

    await run_golden(desk, parts=parts)

    assert counter.asked == [QUESTIONS["badges"][0]]


async def test_a_run_that_was_cut_short_goes_on_where_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.keeping._BATCH", 2)
    run = await queued(desk)
    with pytest.raises(LeaseLost):
        await run_golden(desk, run=run, parallel=1, still_held=_lost_after(3))
    parts, counter = counting(desk)

    resumed = await run_golden(desk, run=run, parts=parts)

    assert len(counter.asked) == 3
    assert (resumed.state, resumed.done, len(await results(desk, run))) == (EvalRunState.FINISHED, 5, 5)


async def test_what_a_run_has_is_not_asked_again(desk: Desk) -> None:
    run = await run_golden(desk)
    async with desk.worker.container.catalog.writing() as tx:
        await tx.eval_runs.change(desk.admin, replace(run, state=EvalRunState.RUNNING, figures=()))
    parts, counter = counting(desk)

    again = await run_golden(desk, run=run, parts=parts, is_fresh=True)

    assert (counter.asked, again.figures) == ([], run.figures)


async def test_a_cancelled_run_stops_asking(desk: Desk) -> None:
    hanging = Hanging(desk)
    running = asyncio.create_task(run_golden(desk, parts=_with(desk, hanging)))
    await hanging.begun.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (hanging.under_way, len(asyncio.all_tasks())) == (0, 1)


async def test_no_more_questions_are_under_way_than_allowed(desk: Desk) -> None:
    hanging = Hanging(desk)
    running = asyncio.create_task(run_golden(desk, parts=_with(desk, hanging), parallel=3))
    await until(lambda: hanging.under_way >= 3)
    await asyncio.sleep(0.05)

    assert hanging.under_way == 3
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_part_that_is_down_for_a_moment_costs_no_question(desk: Desk) -> None:
    run = await run_golden(desk, parts=_with(desk, Failing(desk, times=1)))

    assert all(not result.evidence["failure"] for result in (await results(desk, run)).values())


async def test_a_question_that_cannot_be_asked_is_missing_with_a_reason(desk: Desk) -> None:
    run = await run_golden(desk, parts=_with(desk, Failing(desk, of="badges")))

    recall = next(figure for figure in run.figures if figure.name == "recall@5")
    assert (run.state, recall.measured, recall.total) == (EvalRunState.FINISHED, 3, 4)
    assert dict(recall.missing) == {"could not be asked: IndexUnavailable": 1}


async def test_a_question_that_could_not_be_asked_is_asked_the_next_time(desk: Desk) -> None:
    await run_golden(desk, parts=_with(desk, Failing(desk, of="badges")))
    parts, counter = counting(desk)

    await run_golden(desk, parts=parts)

    assert counter.asked == [QUESTIONS["badges"][0]]


async def test_when_most_questions_cannot_be_asked_the_run_fails_and_stops_asking(desk: Desk) -> None:
    failing = Failing(desk)

    run = await run_golden(desk, parts=_with(desk, failing), parallel=1)

    assert (run.state, run.figures) == (EvalRunState.FAILED, ())
    assert run.error == (
        "3 of 5 questions failed (could not be asked: IndexUnavailable), so nothing is said of the others."
    )
    assert failing.tries == 6


async def test_before_anything_is_published_a_run_fails(worker: Worker, admin: AccessScope) -> None:
    desk = Desk(worker=worker, admin=admin, corpus="house")
    await worker.container.create_corpus(admin, name="house")

    run = await run_golden(desk)

    assert (run.state, run.error) == (EvalRunState.FAILED, "Nothing of house is published yet.")


async def test_a_sealed_draft_is_asked_under_its_number(desk: Desk) -> None:
    draft = await desk.hold(removals=("parking",))
    version = await desk.seal(draft, SealPurpose.PREVIEW)

    run = await run_golden(desk, run=await queued(desk, number=version.number))

    assert (run.number, (await results(desk, run))["gold_parking"].evidence["gold_rank"]) == (2, None)


async def test_a_run_of_another_tenant_is_not_found(desk: Desk) -> None:
    stranger = replace(desk, admin=replace(desk.admin, tenant_id="tenant_other"))

    with pytest.raises(NotFound):
        await run_golden(stranger, run=await queued(desk))


def _with(desk: Desk, ask_question: Any) -> Any:
    return replace(desk.worker.container, ask_question=ask_question)


async def answers_in(desk: Desk) -> int:
    async with desk.worker.container.catalog._database.reading() as connection:
        return (await connection.exec_driver_sql("SELECT count(*) FROM answers")).scalar_one()


def _lost_after(writes: int) -> Any:
    """Say so many times that the run is still this worker's."""
    left = [writes]

    async def still_held(tx: Any = None) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise LeaseLost

    return still_held


class Hanging:
    """Never answers."""

    def __init__(self, desk: Desk) -> None:
        self._inner: Any = desk.worker.container.ask_question
        self.begun = asyncio.Event()
        self.under_way = 0

    async def __call__(self, scope: Any, question: Any, **options: Any) -> Any:
        self.under_way += 1
        self.begun.set()
        try:
            await asyncio.Event().wait()
            yield None
        finally:
            self.under_way -= 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
