"""A held draft of a corpus with golden questions goes live after a verdict. The tests give it, as the evaluation worker would."""

from dataclasses import replace

import pytest

from ingestion.bootstrap import worker_over
from rag_service.domain.access import system_scope
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.jobs import JobKind, JobState
from rag_service.use_cases.gates import PublishGate
from rag_service.use_cases.manage_gates import GateState
from tests.gate_values import verdict
from tests.integration.crashing import CrashError, CrashingCatalog, Fuse
from tests.integration.desk import Desk, held
from tests.integration.erasing import erase
from tests.integration.gates.judging import (
    APPLES,
    DATES,
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
        await end_job(desk, tx, job)
        await parts.publish_gate.give_up(tx, scope, draft, "The model was down.")
    await desk.work_off()
    after = await desk.draft(draft.id)
    assert (after.purpose, await evaluation(desk, after)) == (SealPurpose.PREVIEW, None)
    assert (await gate_of(desk, after)).state is GateState.UNMEASURED

    await ask(desk, draft)

    assert (await judge(desk, draft)).state is DraftState.PUBLISHED


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
            await tx.gates.put(scope, await asked_now(tx, verdict(draft)))
            await end_job(desk, tx, job)
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
