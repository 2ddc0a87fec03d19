"""People take upon them what a draft makes worse, and who may not sees no words of it."""

from dataclasses import replace

import pytest

from rag_service.domain.access import Permission
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.gates import RegressionKind
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.use_cases.manage_gates import GateState
from tests.integration.desk import Desk
from tests.integration.gates.judging import (
    APPLES,
    PEARS,
    WORSE,
    accept,
    ask,
    gate_of,
    judge,
)


async def test_a_blocked_draft_stays_as_a_preview_until_all_is_accepted(desk: Desk, draft: Draft) -> None:
    blocked = await judge(desk, draft, worse=WORSE)
    assert (blocked.state, blocked.purpose, blocked.number) == (DraftState.SEALED, SealPurpose.PREVIEW, draft.number)

    assert (await accept(desk, draft, APPLES)).state is GateState.BLOCKED
    assert (await ask(desk, draft)).state is DraftState.SEALED
    assert (await accept(desk, draft, PEARS)).state is GateState.ACCEPTED
    assert (await ask(desk, draft)).state is DraftState.PUBLISHED


async def test_an_acceptance_says_who_when_and_why(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)

    seen = await accept(desk, draft, APPLES)

    [acceptance] = seen.acceptances
    assert (acceptance.accepted_by, acceptance.reason) == (desk.admin.key_id, "It is meant to be.")
    assert list(seen.names) == [desk.admin.key_id]
    assert [one.acceptance for one in seen.regressions] == [acceptance, None]


async def test_what_was_sealed_again_needs_a_new_verdict_and_keeps_what_was_accepted(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    await accept(desk, draft, APPLES, PEARS)
    await desk.unseal(draft)

    again = await ask(desk, draft)

    assert (again.state, again.number) == (DraftState.SEALED, 3)
    assert (await gate_of(desk, again)).state is GateState.BEING_EVALUATED
    assert (await judge(desk, again, worse=WORSE)).state is DraftState.PUBLISHED


async def test_who_accepted_that_a_quote_is_lost_did_not_accept_that_the_answer_is(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    await accept(desk, draft, APPLES, PEARS)
    await desk.unseal(draft)
    again = await ask(desk, draft)

    worse = replace(WORSE[0], kind=RegressionKind.ABSTAINS)
    after = await judge(desk, again, worse=(worse, WORSE[1]))

    assert (after.state, after.purpose) == (DraftState.SEALED, SealPurpose.PREVIEW)
    [blocking] = (await gate_of(desk, again)).blocking
    assert blocking.regression.question_id == APPLES
    await accept(desk, again, APPLES)
    assert (await ask(desk, again)).state is DraftState.PUBLISHED


async def test_only_who_may_publish_accepts(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    reader = replace(desk.admin, permissions=frozenset({Permission.HISTORY}))

    with pytest.raises(NotFound):
        await accept(replace(desk, admin=reader), draft, APPLES)
    assert (await gate_of(replace(desk, admin=reader), draft)).state is GateState.BLOCKED


@pytest.mark.parametrize(("questions", "reason"), [(["golden_x"], "why"), ([], "why"), ([APPLES], "  ")])
async def test_what_cannot_be_accepted_is_refused(desk: Desk, draft: Draft, questions, reason: str) -> None:
    await judge(desk, draft, worse=WORSE)

    with pytest.raises(InvalidRequest):
        await desk.worker.container.gates.accept(
            desk.admin, corpus=desk.corpus, draft=draft.id, question_ids=questions, reason=reason
        )


async def test_nothing_is_accepted_of_a_draft_that_nothing_blocks(desk: Desk, draft: Draft) -> None:
    with pytest.raises(Conflict):
        await accept(desk, draft, APPLES)


async def test_a_regression_about_documents_of_others_is_shown_without_words_and_not_accepted(
    desk: Desk, draft: Draft
) -> None:
    await judge(desk, draft, worse=WORSE)
    [document_id] = [document_id for document_id, key in (await desk.keys()).items() if key == "a"]
    await desk.worker.container.grant_document(desk.admin, document_id, frozenset({"board"}))

    seen = (await gate_of(desk, draft)).regressions[0]

    assert (seen.is_hidden, seen.regression.question, seen.regression.before.text) == (True, "", "")
    assert seen.regression.responsible == ()
    with pytest.raises(InvalidRequest):
        await accept(desk, draft, APPLES)


async def test_what_a_draft_answers_is_for_who_may_publish(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    reader = replace(desk.admin, permissions=frozenset({Permission.HISTORY}))

    seen = (await gate_of(replace(desk, admin=reader), draft)).regressions[0]

    assert (seen.is_hidden, seen.regression.before.text, seen.regression.after.text) == (True, "", "")
    assert not (await gate_of(desk, draft)).regressions[0].is_hidden
