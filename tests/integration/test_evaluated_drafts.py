"""Publishing a held draft, with the evaluation worker that gives it its verdict."""

from typing import Any

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.gates import Gate, Verdict
from rag_service.domain.ids import GoldenId
from rag_service.domain.jobs import JobKind, JobState
from rag_service.errors import CatalogUnavailable
from rag_service.reasons import ReasonCode
from tests.integration.desk import Desk
from tests.integration.evaluating import HOUSE, Counting, Failing, open_house
from tests.integration.evaluation_desk import EvaluationDesk, beside

BETTER = {"canteen": HOUSE["canteen"] + "\n\nIt is free."}


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    return await open_house(Desk(worker=worker, admin=admin, corpus="house"))


@pytest.fixture
def place(desk: Desk) -> EvaluationDesk:
    return beside(desk)


async def test_a_draft_that_loses_nothing_is_published(place: EvaluationDesk) -> None:
    draft = await place.desk.hold(uploads=BETTER)
    await place.publish(draft)
    assert (await place.desk.draft(draft.id)).state is DraftState.SEALED

    assert await place.measure() == 1

    assert (await place.desk.draft(draft.id)).state is DraftState.PUBLISHED
    gate = await place.gate(draft)
    assert gate is not None and (gate.verdict, gate.questions) == (Verdict.PASSED, 5)


async def test_a_draft_that_loses_the_gold_document_becomes_a_preview_that_names_it(place: EvaluationDesk) -> None:
    draft = await place.desk.hold(removals=("parking",))
    await place.publish(draft)

    await place.measure()

    held_back = await place.desk.draft(draft.id)
    assert (held_back.state, held_back.purpose) == (DraftState.SEALED, SealPurpose.PREVIEW)
    gate = await place.gate(draft)
    assert gate is not None
    assert [one.document_key for regression in gate.regressions for one in regression.responsible] == ["parking"]
    assert (await place.job(draft.id)).state is JobState.SUCCEEDED


async def test_what_people_accept_is_published_without_being_asked_again(place: EvaluationDesk) -> None:
    draft = await place.desk.hold(removals=("parking",))
    await place.publish(draft)
    await place.measure()
    lost = [GoldenId("gold_parking")]
    await place.parts.gates.accept(
        place.desk.admin, corpus="house", draft=draft.id, question_ids=lost, reason="The car park is closed."
    )

    await place.publish(draft)

    assert (await place.desk.draft(draft.id)).state is DraftState.PUBLISHED
    assert await place.measure() == 0


async def test_a_draft_that_nobody_wants_to_publish_any_more_is_not_asked(place: EvaluationDesk) -> None:
    draft = await place.desk.hold(uploads=BETTER)
    await place.publish(draft)
    await place.desk.unseal(draft)

    assert await place.measure() == 1

    assert await place.gate(draft) is None
    assert (await place.job(draft.id)).state is JobState.SUCCEEDED


async def test_a_draft_that_cannot_be_asked_is_a_preview_after_the_last_attempt_and_says_why(desk: Desk) -> None:
    place = beside(desk, ask_question=Failing(desk))
    draft = await desk.hold(uploads=BETTER)
    await place.publish(draft)

    for attempt in range(1, 4):
        assert (await desk.draft(draft.id)).purpose is SealPurpose.PUBLISH
        assert await place.attempt() == 1
        job = await place.job(draft.id)
        assert (job.attempts, job.reason) == (attempt, ReasonCode.UNMEASURED)

    gate = await place.gate(draft)
    assert gate is not None and gate.verdict is Verdict.UNMEASURED
    assert "could not be asked" in (gate.reason or "")
    assert job.state is JobState.DEAD
    assert (await desk.draft(draft.id)).purpose is SealPurpose.PREVIEW


async def test_a_draft_that_could_not_be_asked_is_published_when_it_is_published_again_later(desk: Desk) -> None:
    down = Failing(desk)
    place = beside(desk, ask_question=down)
    draft = await desk.hold(uploads=BETTER)
    await place.publish(draft)
    for _ in range(3):
        await place.attempt()

    down.left = 0
    await place.publish(draft)
    await place.measure()

    assert (await desk.draft(draft.id)).state is DraftState.PUBLISHED


async def test_a_catalog_that_is_away_uses_up_no_attempt(desk: Desk) -> None:
    class Away:
        """A catalog that is not there while a draft is evaluated."""

        def __getattr__(self, name: str) -> Any:
            raise CatalogUnavailable("database or disk is full")

    place = beside(desk, catalog=Away())
    draft = await desk.hold(uploads=BETTER)
    await place.publish(draft)

    for _ in range(5):
        assert await place.attempt() == 1
        job = await place.job(draft.id)
        assert (job.state, job.attempts, job.detail) == (JobState.WAITING, 0, "database or disk is full")
    assert await place.gate(draft) is None


async def test_a_draft_that_is_sealed_again_while_it_is_asked_is_asked_again(desk: Desk) -> None:
    container = desk.worker.container
    draft = await desk.hold(uploads=BETTER)

    class Overtaken(Counting):
        """Somebody publishes something else while the first question is asked."""

        done = False

        async def _overtake(self) -> None:
            if not self.done:
                self.done = True
                await desk.unseal(await desk.draft(draft.id))
                await desk.publish({"lifts": "# Lifts\n\nThe lifts are inspected in May."})

        async def __call__(self, *args: Any, **options: Any) -> Any:
            await self._overtake()
            async for event in self._inner(*args, **options):
                yield event

    place = beside(desk, ask_question=Overtaken(container.ask_question))
    await place.publish(draft)

    await place.attempt()
    await place.publish(draft)
    await place.measure()

    gate, published = await place.gate(draft), await desk.draft(draft.id)
    assert published.state is DraftState.PUBLISHED
    assert gate is not None and (gate.number, gate.against) == (published.number, published.sealed_against)


async def test_a_question_that_is_erased_before_its_verdict_is_kept_leaves_no_words_there(
    place: EvaluationDesk,
) -> None:
    desk, handler = place.desk, place.measuring.runner._handlers[JobKind.EVALUATE_DRAFT]
    evaluate = handler._evaluate  # type: ignore[attr-defined]

    async def evaluate_and_erase(*args: Any, **options: Any) -> Gate:
        gate: Gate = await evaluate(*args, **options)
        async with place.parts.catalog.writing() as tx:
            await tx.golden.remove(desk.admin, GoldenId("gold_parking"))
        handler._evaluate = evaluate  # type: ignore[attr-defined]
        return gate

    handler._evaluate = evaluate_and_erase  # type: ignore[attr-defined]
    draft = await desk.hold(removals=("parking",))
    await place.publish(draft)

    await place.attempt()
    assert await place.gate(draft) is None

    await place.measure()
    assert (await desk.draft(draft.id)).state is DraftState.PUBLISHED


async def test_an_evaluation_that_is_stopped_leaves_a_preview(place: EvaluationDesk) -> None:
    draft = await place.desk.hold(uploads=BETTER)
    await place.publish(draft)

    await place.parts.jobs.cancel(place.desk.admin, (await place.job(draft.id)).id)

    assert (await place.desk.draft(draft.id)).purpose is SealPurpose.PREVIEW
    assert await place.measure() == 0
