"""Planted faults: what the golden questions say of a draft before it is published, and which documents they name."""

from dataclasses import replace
from typing import Any

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.evaluations import EvalRunState
from rag_service.domain.gates import Cause, Gate, RegressionKind, Responsible, Verdict
from rag_service.errors import CatalogUnavailable
from tests.integration.desk import Desk
from tests.integration.evaluating import HOUSE, Failing, add_questions, decided, gate_of, open_house, question, results
from tests.otlp_server import otlp_server, receiver_at


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    return await open_house(Desk(worker=worker, admin=admin, corpus="house"))


async def test_a_removed_document_blocks_and_is_named(desk: Desk) -> None:
    gate = await gate_of(desk, await desk.hold(removals=("parking",)))

    assert blamed(gate) == {"gold_parking": (Responsible(document_key="parking", cause=Cause.LOST_QUOTE),)}


async def test_a_quote_with_other_white_space_names_its_document(desk: Desk) -> None:
    spaced = ("Until when may one park at the main building?", "closes at 22 : 30 every evening")
    await add_questions(desk, [question("parking", spaced) | {"id": "spaced"}])

    gate = await gate_of(desk, await desk.hold(removals=("parking",)))

    assert blamed(gate)["gold_spaced"] == (Responsible(document_key="parking", cause=Cause.LOST_QUOTE),)


async def test_an_outdated_document_blocks_and_is_named(desk: Desk) -> None:
    old = HOUSE["parking"].replace("closes at 22:30 every evening", "closes at 18:00 on weekdays")
    gate = await gate_of(desk, await desk.hold(uploads={"parking": old}))

    [regression] = gate.regressions
    assert (regression.question_id, regression.kind) == ("gold_parking", RegressionKind.LOST_CITATION)
    assert "22:30" in regression.before.text
    assert "18:00" in regression.after.text
    assert regression.responsible == (Responsible(document_key="parking", cause=Cause.LOST_QUOTE),)


async def test_a_new_document_that_pushes_the_right_one_away_is_named(desk: Desk) -> None:
    echo = (
        "# Car park\n\nWhen does the car park of the main building close? The car park of the main building does close."
    )
    gate = await gate_of(desk, await desk.hold(uploads={"rumours": echo}))

    [regression] = gate.regressions
    assert regression.question_id == "gold_parking"
    assert regression.responsible == (Responsible(document_key="rumours", cause=Cause.DISPLACED),)


async def test_a_document_that_makes_a_question_without_an_answer_answered_is_named(desk: Desk) -> None:
    gate = await gate_of(desk, await desk.hold(uploads={"poles": "# Poles\n\nMany penguins live in Antarctica."}))

    [regression] = gate.regressions
    assert regression.kind is RegressionKind.ANSWERS
    assert regression.responsible == (Responsible(document_key="poles", cause=Cause.CITED),)


async def test_an_unchanged_draft_passes_twenty_times_of_twenty(desk: Desk) -> None:
    draft = await desk.hold(uploads={"canteen": HOUSE["canteen"] + "\n"})
    verdicts = []
    for _ in range(20):
        verdicts.append((await gate_of(desk, draft)).verdict)
        await desk.unseal(draft)

    assert verdicts == [Verdict.PASSED] * 20


async def test_both_runs_are_sent_to_the_receiver_of_runs(desk: Desk) -> None:
    draft = await desk.hold(uploads={"canteen": HOUSE["canteen"] + "\n\nIt is free."})
    with otlp_server() as server:
        await gate_of(desk, draft, receiver=receiver_at(server.url))

    assert len(server.requests) == 2


async def test_both_runs_are_kept_as_evidence(desk: Desk) -> None:
    gate = await gate_of(desk, await desk.hold(uploads={"canteen": HOUSE["canteen"] + "\n\nIt is free."}))

    async with desk.worker.container.catalog.reading() as tx:
        runs = [await tx.eval_runs.get(desk.admin, run_id) for run_id in (gate.base_run_id, gate.run_id) if run_id]
    assert [(run.number, run.total, run.done) for run in runs] == [(1, 5, 5), (2, 5, 5)]
    assert [run.draft_id for run in runs] == [None, gate.draft_id]
    assert gate.questions == 5
    assert len(await results(desk, runs[1])) == 5


async def test_a_gate_that_was_cut_short_goes_on_with_its_runs(desk: Desk) -> None:
    gate = await gate_of(desk, await desk.hold(uploads={"canteen": HOUSE["canteen"] + "\n\nIt is free."}))
    async with desk.worker.container.catalog.writing() as tx:
        assert gate.run_id is not None
        run = await tx.eval_runs.get(desk.admin, gate.run_id)
        await tx.eval_runs.change(desk.admin, replace(run, state=EvalRunState.RUNNING))

    again = await decided(desk, await desk.draft(gate.draft_id))

    assert again.run_id == gate.run_id


async def test_before_anything_is_published_there_is_nothing_to_lose(worker: Worker, admin: AccessScope) -> None:
    desk = Desk(worker=worker, admin=admin, corpus="house")
    await worker.container.create_corpus(admin, name="house")
    draft = await desk.hold(uploads=HOUSE)
    await desk.seal(draft, SealPurpose.PREVIEW)

    gate = await decided(desk, await desk.draft(draft.id))

    assert (gate.verdict, gate.questions, gate.run_id) == (Verdict.PASSED, 0, None)


async def test_without_golden_questions_a_draft_passes(worker: Worker, admin: AccessScope) -> None:
    desk = Desk(worker=worker, admin=admin, corpus="house")
    await worker.container.create_corpus(admin, name="house")
    await desk.publish(HOUSE)

    gate = await gate_of(desk, await desk.hold(removals=("parking",)))

    assert (gate.verdict, gate.questions) == (Verdict.PASSED, 0)


async def test_while_the_index_is_down_a_draft_is_neither_passed_nor_blocked(desk: Desk) -> None:
    draft = await desk.hold(removals=("parking",))
    await desk.seal(draft, SealPurpose.PREVIEW)

    gate = await decided(desk, await desk.draft(draft.id), parts=_with(desk, ask_question=Failing(desk)))

    assert (gate.verdict, gate.regressions) == (Verdict.UNMEASURED, ())
    assert "IndexUnavailable" in (gate.reason or "")


async def test_one_question_that_cannot_be_asked_leaves_a_draft_unmeasured(desk: Desk) -> None:
    draft = await desk.hold(removals=("parking",))
    await desk.seal(draft, SealPurpose.PREVIEW)
    down = Failing(desk, of="badges")

    gate = await decided(desk, await desk.draft(draft.id), parts=_with(desk, ask_question=down))

    assert gate.verdict is Verdict.UNMEASURED
    assert gate.reason == "1 of 5 questions could not be asked of version 1."


async def test_while_the_catalog_is_down_there_is_no_verdict(desk: Desk) -> None:
    draft = await desk.hold(removals=("parking",))
    await desk.seal(draft, SealPurpose.PREVIEW)

    with pytest.raises(CatalogUnavailable):
        await decided(desk, await desk.draft(draft.id), parts=_with(desk, catalog=NoCatalog()))


def blamed(gate: Gate) -> dict[str, tuple[Responsible, ...]]:
    assert gate.verdict is Verdict.BLOCKED
    return {regression.question_id: regression.responsible for regression in gate.regressions}


def _with(desk: Desk, **parts: Any) -> Any:
    return replace(desk.worker.container, **parts)


class NoCatalog:
    """A database that nobody reaches."""

    def reading(self) -> Any:
        raise CatalogUnavailable

    writing = reading
