"""What the evaluation worker and the operators ask the catalog, over all tenants."""

from datetime import timedelta
from typing import Any

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.changed_questions import SeenAnswer
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.evaluation_watch import WatchedCorpus
from rag_service.domain.evaluations import EvalRun, EvalRunState, RunPurpose
from rag_service.domain.gates import Acceptance, Gate, Regression, RegressionKind, Verdict
from rag_service.domain.golden import GoldenState
from rag_service.domain.ids import DraftId, EvalRunId, GoldenId
from rag_service.domain.jobs import JobKind
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    OURS,
    SYSTEM,
    add_corpus,
    at,
    hold,
    job,
    preview,
    publish,
    publish_in,
    seal_in,
)
from tests.contract.golden_values import golden, keep
from tests.evaluation_values import keep_results, result
from tests.evaluation_values import run as made_run

NIGHTLY = RunPurpose.NIGHTLY
EVALUATIONS = (JobKind.EVALUATE_DRAFT, JobKind.RUN_SUITE)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


def a_run(name: str, *, seconds: float = 0, **options: Any) -> EvalRun:
    fixed = {"id": EvalRunId(name), "tenant_id": OURS, "corpus_id": CORPUS, "created_at": at(seconds)}
    return made_run(**fixed | options)  # type: ignore[arg-type]


async def add(catalog: SqlCatalog, *runs: EvalRun) -> None:
    async with catalog.writing() as tx:
        for one in runs:
            await tx.eval_runs.add(SYSTEM, one)
            await keep_results(tx, SYSTEM, one, [result()])


async def watched(catalog: SqlCatalog) -> list[WatchedCorpus]:
    async with catalog.reading() as tx:
        return await tx.evaluation_watch.corpora()


async def last(catalog: SqlCatalog, purpose: RunPurpose = NIGHTLY, **options: Any) -> str | None:
    scope = options.pop("scope", SYSTEM)
    async with catalog.reading() as tx:
        found = await tx.evaluation_watch.last(scope, CORPUS, purpose, **options)
    return None if found is None else found.id


async def base(catalog: SqlCatalog, *, upto: int) -> str | None:
    async with catalog.reading() as tx:
        found = await tx.evaluation_watch.base(SYSTEM, a_run("asking", number=99), upto=upto)
    return None if found is None else found.id


async def held_back(catalog: SqlCatalog, verdict: Verdict) -> DraftId:
    """Seal a held draft that lost a question, with a gate of this verdict."""
    draft_id = await hold(catalog, "b")
    version = await preview(catalog, draft_id)
    answer = SeenAnswer(status="answered", text="Snow falls.")
    lost = Regression(
        question_id=GoldenId("gold_one"),
        question="What falls?",
        kind=RegressionKind.LOST_CITATION,
        before=answer,
        after=answer,
    )
    gate = Gate(
        tenant_id=OURS,
        corpus_id=CORPUS,
        draft_id=draft_id,
        number=version.number,
        against=0,
        verdict=verdict,
        questions=1,
        regressions=(lost,) if verdict is Verdict.BLOCKED else (),
        created_at=at(0),
    )
    async with catalog.writing() as tx:
        await tx.gates.put(SYSTEM, gate)
    return draft_id


async def blocked(catalog: SqlCatalog) -> list[str]:
    async with catalog.reading() as tx:
        return list(await tx.evaluation_watch.blocked())


async def test_a_corpus_with_something_published_and_accepted_questions_is_watched(catalog: SqlCatalog) -> None:
    version = await publish(catalog, "a")
    await keep(catalog, golden("late", seconds=9), golden("first", seconds=5))

    expected = WatchedCorpus(tenant_id=OURS, corpus_id=CORPUS, published=version.number, automatic=True, since=at(5))
    assert await watched(catalog) == [expected]


async def test_what_a_held_draft_brought_is_told_apart(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    async with catalog.writing() as tx:
        await tx.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PUBLISH)
        await publish_in(tx, await seal_in(tx, draft_id))
    await keep(catalog, golden())

    assert [one.automatic for one in await watched(catalog)] == [False]


@pytest.mark.parametrize("state", [GoldenState.PROPOSED, GoldenState.REJECTED])
async def test_questions_that_do_not_count_make_nobody_watch(catalog: SqlCatalog, state: GoldenState) -> None:
    await publish(catalog, "a")
    await keep(catalog, golden(state=state))

    assert await watched(catalog) == []


async def test_a_corpus_without_anything_published_is_not_watched(catalog: SqlCatalog) -> None:
    await keep(catalog, golden())

    assert await watched(catalog) == []


async def test_the_last_run_is_the_newest_of_its_purpose(catalog: SqlCatalog) -> None:
    gate = a_run("gate", seconds=9, purpose=RunPurpose.GATE)
    await add(catalog, a_run("old", seconds=1), a_run("new", seconds=5), gate)

    assert await last(catalog) == "new"
    assert await last(catalog, before=at(5)) == "old"
    assert await last(catalog, since=at(6)) is None


async def test_the_last_run_of_a_version_is_one_of_that_version(catalog: SqlCatalog) -> None:
    await add(catalog, a_run("of_3", number=3), a_run("of_4", number=4, seconds=1))

    assert await last(catalog, number=3) == "of_3"
    assert await last(catalog, number=5) is None


async def test_runs_outside_the_scope_are_not_found(catalog: SqlCatalog) -> None:
    await add(catalog, a_run("ours"))

    assert await last(catalog, scope=ELSEWHERE) is None


async def test_the_base_is_the_newest_run_of_the_highest_version_so_far(catalog: SqlCatalog) -> None:
    runs = [
        a_run("third", number=3),
        a_run("third_again", number=3, seconds=1),
        a_run("second_later", number=2, seconds=5),
        a_run("failed", number=4, state=EvalRunState.FAILED),
        a_run("fifth", number=5),
    ]
    await add(catalog, *runs)

    assert await base(catalog, upto=4) == "third_again"
    assert await base(catalog, upto=1) is None


async def test_what_a_gate_found_or_what_lost_its_results_is_no_base(catalog: SqlCatalog) -> None:
    await add(catalog, a_run("nightly", number=2), a_run("of_gate", number=3, purpose=RunPurpose.GATE))
    async with catalog.writing() as tx:
        await tx.eval_runs.add(SYSTEM, a_run("without_results", number=3))

    assert await base(catalog, upto=4) == "nightly"


async def test_a_draft_that_never_went_live_is_no_base(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    version = await preview(catalog, draft_id)
    await add(catalog, a_run("of_draft", number=version.number, draft_id=draft_id))

    assert await base(catalog, upto=9) is None
    async with catalog.writing() as tx:
        await publish_in(tx, version)
    assert await base(catalog, upto=9) == "of_draft"


async def test_the_newest_finished_run_of_each_suite_and_purpose_is_told(catalog: SqlCatalog) -> None:
    runs = [
        a_run("old"),
        a_run("new", seconds=2),
        a_run("running", seconds=3, state=EvalRunState.RUNNING),
        a_run("gate", seconds=4, purpose=RunPurpose.GATE),
        a_run("draft", seconds=5, draft_id=DraftId("draft_1")),
        a_run("other", suite="sample"),
        a_run("published", purpose=RunPurpose.AFTER_PUBLISH),
    ]
    await add(catalog, *runs)

    async with catalog.reading() as tx:
        found = await tx.evaluation_watch.newest_finished()

    assert [one.id for one in found] == ["new", "other", "published"]


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.UNMEASURED])
async def test_a_draft_whose_gate_is_shut_is_blocked(catalog: SqlCatalog, verdict: Verdict) -> None:
    await held_back(catalog, verdict)

    assert await blocked(catalog) == [CORPUS]


async def test_a_draft_that_passed_is_not_blocked(catalog: SqlCatalog) -> None:
    await held_back(catalog, Verdict.PASSED)

    assert await blocked(catalog) == []


async def test_a_draft_is_blocked_until_its_regressions_are_accepted(catalog: SqlCatalog) -> None:
    draft_id = await held_back(catalog, Verdict.BLOCKED)
    acceptance = Acceptance(
        draft_id=draft_id,
        question_id=GoldenId("gold_one"),
        kind=RegressionKind.LOST_CITATION,
        reason="Withdrawn.",
        accepted_by="ann",
        created_at=at(1),
    )
    async with catalog.writing() as tx:
        await tx.gates.accept(SYSTEM, acceptance)

    assert await blocked(catalog) == []


async def test_a_verdict_about_an_earlier_number_blocks_nothing(catalog: SqlCatalog) -> None:
    draft_id = await held_back(catalog, Verdict.BLOCKED)
    async with catalog.writing() as tx:
        await tx.drafts.start_unsealing(SYSTEM, draft_id)
        await tx.drafts.finish_unsealing(SYSTEM, draft_id)
        await seal_in(tx, draft_id)

    assert await blocked(catalog) == []


async def test_jobs_that_nobody_takes_are_counted_by_kind(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.jobs.add(job("draft", kind=JobKind.EVALUATE_DRAFT))
        await tx.jobs.add(job("run", kind=JobKind.RUN_SUITE, seconds=50))

        async def left(seconds: float, *served: JobKind) -> list[int]:
            found = await tx.evaluation_watch.left_alone(
                EVALUATIONS, now=at(seconds), served_kinds=served, starved_after=MINUTE
            )
            return [found[kind] for kind in EVALUATIONS]

        assert await left(55, *EVALUATIONS) == [0, 0]
        assert await left(55, JobKind.EVALUATE_DRAFT) == [0, 1]
        assert await left(70, *EVALUATIONS) == [1, 0]
