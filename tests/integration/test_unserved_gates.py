"""A held draft that waits for a verdict which nobody is there to give does not keep uploads out for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.gates import Verdict
from rag_service.domain.golden import GoldenState
from rag_service.domain.ids import WorkerId
from rag_service.domain.jobs import OPEN_STATES, JobKind
from rag_service.domain.jobs import Worker as Serving
from rag_service.errors import SlotTaken
from rag_service.settings import JobSettings
from rag_service.use_cases.gates import COUNTING
from tests.gate_values import golden_question
from tests.integration.desk import EVERY_STATE, Desk, held
from tests.integration.evaluation_desk import beside
from tests.patience import until

SOON = JobSettings(starved_after_s=1e-6)
"""Who waits, has waited for long."""


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """A corpus with a golden question and something published."""
    desk = Desk(worker=worker, admin=admin)
    corpus = await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish({"a": "Apples are red."})
    async with worker.container.catalog.writing() as tx:
        await tx.golden.add(system_scope(admin.tenant_id), [golden_question(admin.tenant_id, corpus.id)])
    return desk


@pytest.fixture
async def waiting(desk: Desk) -> Draft:
    """A held draft that waits for its verdict."""
    draft = await desk.hold(uploads={"a": "Apples are green."})
    await desk.worker.container.drafts.ask_for_seal(
        desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PUBLISH
    )
    await desk.work_off()
    return await desk.draft(draft.id)


async def automatic(desk: Desk, text: str = "Dates are sweet.") -> Draft:
    """Upload a document, and return the automatic draft that is to publish it."""
    await desk.upload("d", text)
    await desk.prepare()
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        drafts = await tx.drafts.list(desk.admin, corpus.id, states=EVERY_STATE)
    return next(draft for draft in drafts if draft.automatic and draft.state is DraftState.OPEN)


async def publish(desk: Desk, draft: Draft, settings: JobSettings = SOON) -> None:
    """Try to publish a draft as the worker would, which finds the slot taken."""
    with pytest.raises(SlotTaken):
        await desk.sealing(settings=settings)(system_scope(desk.admin.tenant_id), draft.id, still_held=held)


async def make_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish an upload that drives the draft out, and seal that again as the preview that it is then."""
    await publish(desk, await automatic(desk))
    monkeypatch.setattr("ingestion.jobs.LOOK_AGAIN_S", 0)
    await desk.work_off()


async def waits_again(desk: Desk, draft: Draft) -> bool:
    """Work on, and say whether the draft is sealed and waits for its verdict."""
    await desk.work_off()
    return (await desk.draft(draft.id)).awaits_publish


async def test_a_draft_that_nobody_evaluates_makes_room_and_says_why(
    desk: Desk, waiting: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_room(desk, monkeypatch)

    assert "Dates are sweet." in await desk.texts()
    async with desk.worker.container.catalog.reading() as tx:
        gate = await tx.gates.of_draft(desk.admin, waiting.id)
    assert gate is not None
    assert (gate.verdict, gate.reason) == (Verdict.UNMEASURED, "No evaluation worker took it.")
    assert (await desk.draft(waiting.id)).purpose is SealPurpose.PREVIEW


async def test_a_worker_that_comes_back_finds_nobody_waiting_and_publishes_when_asked_again(
    desk: Desk, waiting: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_room(desk, monkeypatch)
    place = beside(desk)

    assert await place.measure() == 1
    assert (await desk.draft(waiting.id)).purpose is SealPurpose.PREVIEW

    await place.publish(waiting)
    await until(lambda: waits_again(desk, waiting))
    await place.measure()
    assert (await desk.draft(waiting.id)).state is DraftState.PUBLISHED


async def test_a_worker_that_is_started_anew_is_waited_for(desk: Desk, waiting: Draft) -> None:
    await publish(desk, await automatic(desk), JobSettings(starved_after_s=60))

    assert (await desk.draft(waiting.id)).awaits_publish


async def test_a_worker_that_has_more_to_do_is_waited_for(desk: Desk, waiting: Draft) -> None:
    now = desk.worker.container.clock()
    kinds = frozenset({JobKind.EVALUATE_DRAFT})
    async with desk.worker.container.catalog.writing() as tx:
        await tx.workers.announce(Serving(id=WorkerId("worker_e"), kinds=kinds, host="h", pid=1, seen_at=now))

    await publish(desk, await automatic(desk))

    assert (await desk.draft(waiting.id)).awaits_publish


async def test_a_draft_whose_worker_died_over_it_makes_room(desk: Desk, waiting: Draft) -> None:
    parts = desk.worker.container
    async with parts.catalog.writing() as tx:
        jobs = await tx.jobs.of_subject(desk.admin, waiting.id)
        evaluation = next(job for job in jobs if job.kind is JobKind.EVALUATE_DRAFT)
        await tx.jobs.claim([evaluation], now=parts.clock(), lease=timedelta(0))

    await publish(desk, await automatic(desk))

    assert (await desk.draft(waiting.id)).purpose is SealPurpose.PREVIEW


async def test_a_draft_that_nothing_bars_any_more_is_published_and_not_held_back(desk: Desk, waiting: Draft) -> None:
    async with desk.worker.container.catalog.writing() as tx:
        [question] = await tx.golden.all(desk.admin, waiting.corpus_id, states=COUNTING)
        await tx.golden.change(desk.admin, replace(question, state=GoldenState.REJECTED))

    await publish(desk, await automatic(desk))

    async def is_published() -> bool:
        await desk.work_off()
        return (await desk.draft(waiting.id)).state is DraftState.PUBLISHED

    await until(is_published)


async def test_a_draft_that_is_sealed_again_is_waited_for_anew(
    desk: Desk, waiting: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_room(desk, monkeypatch)
    await desk.worker.container.drafts.ask_for_seal(
        desk.admin, corpus=desk.corpus, draft=waiting.id, purpose=SealPurpose.PUBLISH
    )
    await until(lambda: waits_again(desk, waiting))
    upload = await automatic(desk, "Dates are brown.")
    sealed = (await desk.draft(waiting.id)).number
    async with desk.worker.container.catalog.reading() as tx:
        version = await tx.versions.get(desk.admin, waiting.corpus_id, sealed or 0)
        jobs = await tx.jobs.of_subject(desk.admin, waiting.id)
    [left] = [job for job in jobs if job.kind is JobKind.EVALUATE_DRAFT and job.state in OPEN_STATES]
    waited = (desk.worker.container.clock() - version.created_at).total_seconds()
    since_asked = (desk.worker.container.clock() - left.not_before).total_seconds()

    await publish(desk, upload, JobSettings(starved_after_s=waited + (since_asked - waited) / 2))

    assert (await desk.draft(waiting.id)).awaits_publish


async def test_of_two_drafts_that_wait_for_verdicts_none_drives_the_other_out(desk: Desk, waiting: Draft) -> None:
    other = await desk.hold("autumn", uploads={"e": "Elderberries are black."})
    await desk.ask(other, SealPurpose.PUBLISH)

    await publish(desk, other)

    assert (await desk.draft(waiting.id)).awaits_publish
