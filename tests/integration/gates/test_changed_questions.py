"""A verdict holds for the golden questions that counted when it was given, and for no others."""

from dataclasses import replace

from rag_service.domain.access import system_scope
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.golden import GoldenState
from rag_service.use_cases.manage_gates import GateState
from tests.gate_values import golden_question, verdict
from tests.integration.desk import Desk
from tests.integration.gates.judging import (
    APPLES,
    GREEN,
    PEARS,
    WORSE,
    accept,
    ask,
    asked_now,
    end_job,
    evaluation,
    gate_of,
    judge,
)


async def test_a_question_that_counts_no_more_is_asked_no_more(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    scope = system_scope(desk.admin.tenant_id)
    async with desk.worker.container.catalog.writing() as tx:
        for question_id in (APPLES, PEARS):
            question = await tx.golden.get(scope, question_id)
            state = GoldenState.REJECTED if question_id == APPLES else GoldenState.ACCEPTED
            await tx.golden.change(scope, replace(question, state=state))

    assert (await gate_of(desk, await ask(desk, draft))).state is GateState.BEING_EVALUATED


async def test_a_question_that_was_mended_since_is_asked_again(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    scope = system_scope(desk.admin.tenant_id)
    async with desk.worker.container.catalog.writing() as tx:
        question = await tx.golden.get(scope, APPLES)
        mended = replace(question, answers=("green",), updated_at=desk.worker.container.clock())
        await tx.golden.change(scope, mended)

    assert (await gate_of(desk, await ask(desk, draft))).state is GateState.BEING_EVALUATED


async def test_a_question_that_is_accepted_after_the_verdict_is_asked_too(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    await accept(desk, draft, APPLES, PEARS)
    await add_question(desk, draft, "cherries")

    again = await ask(desk, draft)

    assert (again.state, (await gate_of(desk, again)).state) == (DraftState.SEALED, GateState.BEING_EVALUATED)
    assert (await judge(desk, again, worse=WORSE)).state is DraftState.PUBLISHED


async def test_a_question_that_is_accepted_while_the_others_are_asked_is_asked_before_the_publish(
    desk: Desk, draft: Draft
) -> None:
    parts, scope = desk.worker.container, system_scope(desk.admin.tenant_id)
    job = await evaluation(desk, draft)
    assert job is not None
    async with parts.catalog.reading() as tx:
        gate = await asked_now(tx, verdict(draft))
    await add_question(desk, draft, "cherries")

    async with parts.catalog.writing() as tx:
        await end_job(desk, tx, job)
        await tx.gates.put(scope, gate)
        await parts.publish_gate.go_on(tx, scope, draft.id)
    await desk.work_off()

    assert (await judge(desk, draft)).state is DraftState.PUBLISHED


async def add_question(desk: Desk, draft: Draft, name: str) -> None:
    async with desk.worker.container.catalog.writing() as tx:
        await tx.golden.add(
            system_scope(desk.admin.tenant_id), [golden_question(draft.tenant_id, draft.corpus_id, name)]
        )


async def test_without_accepted_questions_a_draft_is_published_at_once(desk: Desk) -> None:
    scope = system_scope(desk.admin.tenant_id)
    async with desk.worker.container.catalog.writing() as tx:
        for question_id in (APPLES, PEARS):
            question = await tx.golden.get(scope, question_id)
            await tx.golden.change(scope, replace(question, state=GoldenState.PROPOSED))

    assert (await ask(desk, await desk.hold(uploads={"a": GREEN}))).state is DraftState.PUBLISHED
