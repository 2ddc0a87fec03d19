"""Verdicts about drafts, acceptances, and drafts that are held back."""

from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.gates import Acceptance, Gate, RegressionKind, Verdict
from rag_service.domain.ids import DraftId, EvalRunId, GoldenId
from rag_service.domain.jobs import JobKind, JobState, draft_job
from rag_service.errors import NotFound
from tests.contract.catalog_values import (
    ELSEWHERE,
    START,
    STRANGER,
    SYSTEM,
    add_corpus,
    at,
    held_draft,
    hold,
    preview,
    publish,
    publish_in,
    upload,
)
from tests.gate_values import regression, verdict


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


@pytest.fixture
async def draft(catalog: SqlCatalog) -> Draft:
    """A sealed draft that is to be published."""
    await publish(catalog, "a")
    draft_id = await hold(catalog, "b")
    async with catalog.writing() as tx:
        await tx.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PUBLISH)
    await preview(catalog, draft_id)
    return await read(catalog, draft_id)


async def read(catalog: SqlCatalog, draft_id: DraftId) -> Draft:
    async with catalog.reading() as tx:
        return await tx.drafts.get(SYSTEM, draft_id)


async def put(catalog: SqlCatalog, gate: Gate) -> None:
    async with catalog.writing() as tx:
        await tx.gates.put(SYSTEM, gate)


async def hold_back(catalog: SqlCatalog, draft_id: DraftId) -> Draft:
    async with catalog.writing() as tx:
        await tx.drafts.hold_back(SYSTEM, draft_id)
    return await read(catalog, draft_id)


def acceptance(
    draft: Draft,
    *,
    reason: str = "It is meant to be.",
    seconds: float = 0,
    name: str = "a",
    kind: RegressionKind = RegressionKind.LOST_CITATION,
) -> Acceptance:
    return Acceptance(
        draft_id=draft.id,
        question_id=GoldenId(f"golden_{name}"),
        kind=kind,
        reason=reason,
        accepted_by="key_a",
        created_at=at(seconds),
    )


async def test_a_verdict_comes_back_as_it_was_kept(catalog: SqlCatalog, draft: Draft) -> None:
    gate = verdict(
        draft, worse=[regression()], run_id=EvalRunId("run_a"), reason="why", suite_digest="d" * 64, created_at=START
    )

    await put(catalog, gate)

    async with catalog.reading() as tx:
        assert await tx.gates.of_draft(SYSTEM, draft.id) == gate


async def test_a_draft_has_no_verdict_at_first(catalog: SqlCatalog, draft: Draft) -> None:
    async with catalog.reading() as tx:
        assert await tx.gates.of_draft(SYSTEM, draft.id) is None


async def test_a_verdict_about_the_same_number_takes_the_place_of_the_one_before(
    catalog: SqlCatalog, draft: Draft
) -> None:
    await put(catalog, verdict(draft, worse=[regression()]))

    await put(catalog, verdict(draft))

    async with catalog.reading() as tx:
        gate = await tx.gates.of_draft(SYSTEM, draft.id)
    assert gate is not None
    assert (gate.verdict, gate.regressions) == (Verdict.PASSED, ())


async def test_the_newest_verdict_is_the_one_about_the_highest_number(catalog: SqlCatalog, draft: Draft) -> None:
    await put(catalog, verdict(draft, number=9))

    await put(catalog, verdict(draft, number=8))

    async with catalog.reading() as tx:
        gate = await tx.gates.of_draft(SYSTEM, draft.id)
    assert gate is not None
    assert gate.number == 9


async def test_acceptances_are_listed_oldest_first(catalog: SqlCatalog, draft: Draft) -> None:
    async with catalog.writing() as tx:
        for made in (acceptance(draft, seconds=2, name="b"), acceptance(draft, seconds=1)):
            await tx.gates.accept(SYSTEM, made)

    async with catalog.reading() as tx:
        accepted = await tx.gates.accepted(SYSTEM, draft.id)
    assert accepted == [acceptance(draft, seconds=1), acceptance(draft, seconds=2, name="b")]


async def test_accepting_a_question_again_says_why_anew(catalog: SqlCatalog, draft: Draft) -> None:
    async with catalog.writing() as tx:
        await tx.gates.accept(SYSTEM, acceptance(draft))
        await tx.gates.accept(SYSTEM, acceptance(draft, reason="Another reason.", seconds=3))

    async with catalog.reading() as tx:
        assert await tx.gates.accepted(SYSTEM, draft.id) == [acceptance(draft, reason="Another reason.", seconds=3)]


async def test_what_else_a_question_may_lose_is_accepted_beside_the_first(catalog: SqlCatalog, draft: Draft) -> None:
    both = [acceptance(draft), acceptance(draft, kind=RegressionKind.ABSTAINS, seconds=1)]
    async with catalog.writing() as tx:
        for made in both:
            await tx.gates.accept(SYSTEM, made)

    async with catalog.reading() as tx:
        assert await tx.gates.accepted(SYSTEM, draft.id) == both


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_gates_of_others_are_not_there(catalog: SqlCatalog, draft: Draft, scope) -> None:
    await put(catalog, verdict(draft))

    async with catalog.writing() as tx:
        for call in (
            tx.gates.of_draft(scope, draft.id),
            tx.gates.accepted(scope, draft.id),
            tx.gates.put(scope, verdict(draft)),
            tx.gates.accept(scope, acceptance(draft)),
            tx.drafts.hold_back(scope, draft.id),
        ):
            with pytest.raises(NotFound):
                await call


async def test_a_draft_that_is_held_back_is_a_preview_of_the_same_number(catalog: SqlCatalog, draft: Draft) -> None:
    assert await hold_back(catalog, draft.id) == replace(draft, purpose=SealPurpose.PREVIEW)


async def test_only_a_sealed_draft_is_held_back(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    async with catalog.writing() as tx:
        asked = await tx.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PUBLISH)

    assert await hold_back(catalog, draft_id) == asked


async def test_what_is_published_is_not_held_back(catalog: SqlCatalog, draft: Draft) -> None:
    async with catalog.writing() as tx:
        await publish_in(tx, await tx.versions.get(SYSTEM, draft.corpus_id, draft.number or 0))

    held = await hold_back(catalog, draft.id)

    assert (held.state, held.purpose) == (DraftState.PUBLISHED, SealPurpose.PUBLISH)


async def test_the_automatic_draft_is_not_held_back(catalog: SqlCatalog) -> None:
    automatic = await read(catalog, await upload(catalog, "a"))

    assert await hold_back(catalog, automatic.id) == automatic


async def test_a_draft_whose_evaluation_is_cancelled_stays_as_a_preview(catalog: SqlCatalog, draft: Draft) -> None:
    async with catalog.writing() as tx:
        job = await tx.jobs.add(draft_job(draft, JobKind.EVALUATE_DRAFT, now=START))
        cancelled = await tx.jobs.cancel(SYSTEM, job.id, now=START)

    assert cancelled.state is JobState.CANCELLED
    assert (await read(catalog, draft.id)).purpose is SealPurpose.PREVIEW


async def test_an_evaluation_of_an_open_draft_is_cancelled_without_more(catalog: SqlCatalog) -> None:
    draft = held_draft()
    async with catalog.writing() as tx:
        await tx.drafts.add(SYSTEM, draft)
        job = await tx.jobs.add(draft_job(draft, JobKind.EVALUATE_DRAFT, now=START))

        assert (await tx.jobs.cancel(SYSTEM, job.id, now=START)).state is JobState.CANCELLED
    assert await read(catalog, draft.id) == draft


async def test_a_verdict_about_no_draft_is_not_kept(catalog: SqlCatalog) -> None:
    with pytest.raises(NotFound):
        await put(catalog, verdict(held_draft("unknown"), number=1))
