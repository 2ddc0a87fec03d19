"""A held draft of a corpus with golden questions goes live after a verdict. The tests give it, as the evaluation worker would."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ingestion.bootstrap import Worker, worker_over
from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.gates import Gate, Regression, RegressionKind
from rag_service.domain.golden import GoldenState, digest_of
from rag_service.domain.ids import GoldenId
from rag_service.domain.jobs import OPEN_STATES, Job, JobKind, JobState
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.ports.catalog import Transaction
from rag_service.use_cases.gates import COUNTING, PublishGate
from rag_service.use_cases.manage_gates import GateState, SeenGate
from tests.gate_values import golden_question, regression, verdict
from tests.integration.crashing import CrashError, CrashingCatalog, Fuse
from tests.integration.desk import DOCUMENTS, Desk, held
from tests.integration.erasing import erase

GREEN = "Apples are green."
DATES = "Dates are sweet."
APPLES, PEARS = GoldenId("golden_apples"), GoldenId("golden_pears")
WORSE = (regression("apples"), regression("pears"))


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """A corpus with two golden questions and a held draft."""
    desk = Desk(worker=worker, admin=admin)
    corpus = await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(DOCUMENTS)
    questions = [golden_question(admin.tenant_id, corpus.id, name) for name in ("apples", "pears")]
    async with worker.container.catalog.writing() as tx:
        await tx.golden.add(system_scope(admin.tenant_id), questions)
    return desk


@pytest.fixture
async def draft(desk: Desk) -> Draft:
    """A draft whose publish waits for the verdict."""
    opened = await desk.hold(uploads={"a": GREEN})
    return await ask(desk, opened)


async def ask(desk: Desk, draft: Draft) -> Draft:
    """Ask for a publish, let the worker do what it can, and return the draft as it is then."""
    await desk.worker.container.drafts.ask_for_seal(
        desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PUBLISH
    )
    await desk.work_off()
    return await desk.draft(draft.id)


async def evaluation(desk: Desk, draft: Draft, state: frozenset[JobState] = OPEN_STATES) -> Job | None:
    async with desk.worker.container.catalog.reading() as tx:
        jobs = await tx.jobs.of_subject(desk.admin, draft.id)
    return next((job for job in jobs if job.kind is JobKind.EVALUATE_DRAFT and job.state in state), None)


async def judge(desk: Desk, draft: Draft, *, worse: Sequence[Regression] = (), **changes: object) -> Draft:
    """Bring the verdict about a draft as it was, and return the draft as it is when all has followed."""
    parts, scope = desk.worker.container, system_scope(desk.admin.tenant_id)
    job = await evaluation(desk, draft)
    assert job is not None
    async with parts.catalog.writing() as tx:
        claimed = await tx.jobs.claim([job], now=parts.clock(), lease=timedelta(minutes=1))
        await tx.jobs.succeed(claimed, now=parts.clock())
        await tx.gates.put(scope, await asked_now(tx, verdict(draft, worse=worse, **changes)))
        await parts.publish_gate.go_on(tx, scope, draft.id)
    await desk.work_off()
    return await desk.draft(draft.id)


async def asked_now(tx: Transaction, gate: Gate) -> Gate:
    """Return the verdict of the questions that count now."""
    questions = await tx.golden.all(system_scope(gate.tenant_id), gate.corpus_id, states=COUNTING)
    return replace(gate, suite_digest=digest_of(questions))


async def accept(desk: Desk, draft: Draft, *questions: GoldenId) -> SeenGate:
    return await desk.worker.container.gates.accept(
        desk.admin, corpus=desk.corpus, draft=draft.id, question_ids=questions, reason="It is meant to be."
    )


async def gate_of(desk: Desk, draft: Draft) -> SeenGate:
    return await desk.worker.container.gates.read(desk.admin, corpus=desk.corpus, draft=draft.id)


async def test_a_publish_waits_for_its_verdict_without_a_job_that_looks_again(desk: Desk, draft: Draft) -> None:
    async with desk.worker.container.catalog.reading() as tx:
        jobs = await tx.jobs.of_subject(desk.admin, draft.id)

    assert (draft.state, draft.purpose) == (DraftState.SEALED, SealPurpose.PUBLISH)
    assert [(job.kind, job.state) for job in jobs] == [
        (JobKind.EVALUATE_DRAFT, JobState.QUEUED),
        (JobKind.SEAL_DRAFT, JobState.SUCCEEDED),
    ]
    assert (await gate_of(desk, draft)).state is GateState.BEING_EVALUATED


async def test_a_draft_that_passed_is_published(desk: Desk, draft: Draft) -> None:
    assert (await judge(desk, draft)).state is DraftState.PUBLISHED
    assert GREEN in await desk.texts()


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


async def test_a_blocked_draft_can_be_asked_and_makes_room_for_uploads(
    desk: Desk, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.jobs.LOOK_AGAIN_S", 0)
    await judge(desk, draft, worse=WORSE)
    assert GREEN in await desk.texts(at="draft")

    await desk.upload("d", DATES)
    while (again := await desk.draft(draft.id)).sealed_against != 3:
        await desk.work_off()

    assert DATES in await desk.texts()
    assert (again.number, again.purpose) == (4, SealPurpose.PREVIEW)


async def test_what_was_sealed_again_needs_a_new_verdict_and_keeps_what_was_accepted(desk: Desk, draft: Draft) -> None:
    await judge(desk, draft, worse=WORSE)
    await accept(desk, draft, APPLES, PEARS)
    await desk.unseal(draft)

    again = await ask(desk, draft)

    assert (again.state, again.number) == (DraftState.SEALED, 3)
    assert (await gate_of(desk, again)).state is GateState.BEING_EVALUATED
    assert (await judge(desk, again, worse=WORSE)).state is DraftState.PUBLISHED


async def test_a_verdict_that_comes_after_another_seal_is_followed_by_the_next_one(desk: Desk, draft: Draft) -> None:
    await desk.unseal(draft)
    again = await ask(desk, draft)

    assert (await judge(desk, draft)).state is DraftState.SEALED

    assert (await judge(desk, again)).state is DraftState.PUBLISHED


async def test_the_verdict_of_a_draft_that_was_taken_back_changes_nothing(desk: Desk, draft: Draft) -> None:
    await desk.unseal(draft)

    after = await judge(desk, draft)

    assert (after.state, await evaluation(desk, after)) == (DraftState.OPEN, None)


async def test_an_evaluation_without_a_verdict_leaves_a_discarded_draft_alone(desk: Desk, draft: Draft) -> None:
    parts, scope = desk.worker.container, system_scope(desk.admin.tenant_id)
    await desk.unseal(draft)
    await parts.drafts.discard(desk.admin, corpus=desk.corpus, draft=draft.id)

    async with parts.catalog.writing() as tx:
        await parts.publish_gate.go_on(tx, scope, draft.id)

    assert (await desk.draft(draft.id)).state is DraftState.DISCARDED


async def test_a_rollback_while_the_verdict_is_awaited_is_followed_by_a_new_number_and_verdict(desk: Desk) -> None:
    await desk.publish({"d": DATES})
    draft = await ask(desk, await desk.hold(uploads={"a": GREEN}))
    await desk.roll_back(1)

    again = await judge(desk, draft)

    assert (again.state, again.number, again.sealed_against) == (DraftState.SEALED, 4, 1)
    assert (await judge(desk, again)).state is DraftState.PUBLISHED


async def test_no_verdict_is_waited_for_about_a_version_that_something_else_came_before(desk: Desk) -> None:
    await desk.publish({"d": DATES})
    draft = await desk.hold(uploads={"a": GREEN})
    await desk.seal(draft, SealPurpose.PREVIEW)
    await desk.roll_back(1)

    asked = await ask(desk, draft)

    assert (asked.number, asked.sealed_against) == (4, 1)


async def test_a_verdict_that_went_with_an_erased_document_is_made_anew(
    desk: Desk, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.jobs.LOOK_AGAIN_S", 0)
    await judge(desk, draft, worse=WORSE)
    await accept(desk, draft, APPLES, PEARS)
    await erase(desk, "b")

    again = await ask(desk, draft)

    assert (await gate_of(desk, again)).state is GateState.BEING_EVALUATED
    assert (await judge(desk, again, worse=WORSE)).state is DraftState.PUBLISHED


async def test_a_draft_that_could_not_be_measured_is_held_back_and_measured_when_asked_again(
    desk: Desk, draft: Draft
) -> None:
    parts, scope = desk.worker.container, system_scope(desk.admin.tenant_id)
    job = await evaluation(desk, draft)
    assert job is not None
    async with parts.catalog.writing() as tx:
        await tx.jobs.succeed(
            await tx.jobs.claim([job], now=parts.clock(), lease=timedelta(minutes=1)), now=parts.clock()
        )
        await parts.publish_gate.give_up(tx, scope, draft, "The model was down.")
    await desk.work_off()
    after = await desk.draft(draft.id)
    assert (after.purpose, await evaluation(desk, after)) == (SealPurpose.PREVIEW, None)
    assert (await gate_of(desk, after)).state is GateState.UNMEASURED

    await ask(desk, draft)

    assert (await judge(desk, draft)).state is DraftState.PUBLISHED


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
        claimed = await tx.jobs.claim([job], now=parts.clock(), lease=timedelta(minutes=1))
        await tx.jobs.succeed(claimed, now=parts.clock())
        await tx.gates.put(scope, gate)
        await parts.publish_gate.go_on(tx, scope, draft.id)
    await desk.work_off()

    assert (await judge(desk, draft)).state is DraftState.PUBLISHED


async def add_question(desk: Desk, draft: Draft, name: str) -> None:
    async with desk.worker.container.catalog.writing() as tx:
        await tx.golden.add(
            system_scope(desk.admin.tenant_id), [golden_question(draft.tenant_id, draft.corpus_id, name)]
        )


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


async def test_without_accepted_questions_a_draft_is_published_at_once(desk: Desk) -> None:
    scope = system_scope(desk.admin.tenant_id)
    async with desk.worker.container.catalog.writing() as tx:
        for question_id in (APPLES, PEARS):
            question = await tx.golden.get(scope, question_id)
            await tx.golden.change(scope, replace(question, state=GoldenState.PROPOSED))

    assert (await ask(desk, await desk.hold(uploads={"a": GREEN}))).state is DraftState.PUBLISHED


async def test_with_the_gate_off_a_draft_that_waits_is_published_when_asked_again(desk: Desk, draft: Draft) -> None:
    parts = desk.worker.container
    off = replace(parts, publish_gate=PublishGate(clock=parts.clock, is_on=False))
    async with worker_over(off) as worker:
        assert (await ask(Desk(worker=worker, admin=desk.admin), draft)).state is DraftState.PUBLISHED


async def test_the_automatic_draft_is_never_held_back(desk: Desk) -> None:
    await desk.publish({"a": GREEN})

    assert GREEN in await desk.texts()


async def test_asking_again_while_the_verdict_is_awaited_adds_nothing(desk: Desk, draft: Draft) -> None:
    job = await evaluation(desk, draft)

    await ask(desk, draft)

    assert await evaluation(desk, draft) == job


async def test_a_preview_is_evaluated_when_its_publish_is_asked_for(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    await desk.seal(draft, SealPurpose.PREVIEW)
    assert await evaluation(desk, draft) is None

    waiting = await ask(desk, draft)

    assert (await judge(desk, waiting)).state is DraftState.PUBLISHED


async def test_a_publish_that_was_withdrawn_for_a_preview_does_not_follow_the_verdict(desk: Desk, draft: Draft) -> None:
    await desk.ask(draft, SealPurpose.PREVIEW)

    after = await judge(desk, draft)

    assert (after.state, after.purpose) == (DraftState.SEALED, SealPurpose.PREVIEW)


async def test_a_verdict_kept_while_the_seal_ends_is_followed(desk: Desk, draft: Draft) -> None:
    # The verdict finds the job that began to wait still open, so it adds none; the end of that job has to.
    parts, scope = desk.worker.container, system_scope(desk.admin.tenant_id)
    job = await evaluation(desk, draft)
    assert job is not None
    await parts.drafts.ask_for_seal(desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PUBLISH)
    handler = desk.worker.handlers[JobKind.SEAL_DRAFT]
    change = handler._change

    async def seal_and_judge(*args: object, **options: object) -> None:
        await change(*args, **options)
        async with parts.catalog.writing() as tx:
            claimed = await tx.jobs.claim([job], now=parts.clock(), lease=timedelta(minutes=1))
            await tx.gates.put(scope, await asked_now(tx, verdict(draft)))
            await tx.jobs.succeed(claimed, now=parts.clock())
            await parts.publish_gate.go_on(tx, scope, draft.id)
        handler._change = change

    handler._change = seal_and_judge
    await desk.work_off()

    assert (await desk.draft(draft.id)).state is DraftState.PUBLISHED


async def test_wherever_a_seal_is_cut_short_it_waits_with_a_job_for_its_verdict(desk: Desk) -> None:
    for at in range(1, 30):
        draft = await desk.hold(f"draft {at}", uploads={f"d{at}": f"Dates are sweet {at} times."})
        await desk.ask(draft, SealPurpose.PUBLISH)
        fuse = Fuse(at=at)
        sealing = desk.sealing(catalog=CrashingCatalog(inner=desk.worker.container.catalog, fuse=fuse))
        try:
            await sealing(system_scope(desk.admin.tenant_id), draft.id, still_held=held)
            is_cut = False
        except CrashError:
            is_cut = True
            await desk.seal(draft)

        assert (await judge(desk, await desk.draft(draft.id))).state is DraftState.PUBLISHED
        if not is_cut:
            break
    assert at > 3


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
