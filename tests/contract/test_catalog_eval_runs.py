"""Runs of suites and their results: the same on SQLite and PostgreSQL."""

from dataclasses import replace
from typing import Any

import pytest

from rag_service.catalog.eval_runs import KEPT_RUNS
from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.evaluations import CaseResult, EvalRun, EvalRunState
from rag_service.domain.pages import PageRequest
from rag_service.errors import NotFound
from tests import evaluation_values as values
from tests.contract.catalog_values import CORPUS, ELSEWHERE, OURS, READER, STRANGER, SYSTEM
from tests.contract.erasure_values import DOCUMENT, remove, request, with_two_documents
from tests.contract.golden_values import golden, keep, quoting

OTHER = "doc_b"


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b."""
    return await with_two_documents(catalog)


async def test_a_run_comes_back_as_it_was_kept(catalog: SqlCatalog) -> None:
    made = run(notes=("weak",), error=None, judge="small, seed 0")
    await add(catalog, made)

    async with catalog.reading() as tx:
        assert await tx.eval_runs.get(SYSTEM, made.id) == made


async def test_a_change_leaves_what_a_run_is_about(catalog: SqlCatalog) -> None:
    made = run(state=EvalRunState.RUNNING, number=None)
    await add(catalog, made)
    changed = replace(made, number=3, done=7, state=EvalRunState.FINISHED, error="no")
    async with catalog.writing() as tx:
        await tx.eval_runs.change(SYSTEM, replace(changed, suite="other"))

    async with catalog.reading() as tx:
        assert await tx.eval_runs.get(SYSTEM, made.id) == changed


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_a_run_outside_the_scope_is_not_found(catalog: SqlCatalog, scope: Any) -> None:
    made = run()
    await add(catalog, made, result("gold_1"))

    async with catalog.writing() as tx:
        for asked in (
            tx.eval_runs.get(scope, made.id),
            tx.eval_runs.change(scope, made),
            tx.eval_runs.results(scope, made.id),
            tx.eval_runs.result(scope, made.id, "gold_1"),
            tx.eval_runs.add_results(scope, made.id, []),
            tx.eval_runs.cached(scope, CORPUS, ["key of gold_1"]),
            tx.eval_runs.add(scope, run(2)),
        ):
            with pytest.raises(NotFound):
                await asked
        page = await tx.eval_runs.page(scope, corpus_id=None, suite=None, page=PageRequest())
        assert (page.items, await tx.eval_runs.showing(STRANGER, DOCUMENT)) == ([], 0)


async def test_results_come_back_by_case_and_the_last_one_counts(catalog: SqlCatalog) -> None:
    made = run()
    later = result("gold_1", DOCUMENT, OTHER, recall=None)
    await add(catalog, made, result("gold_2"), result("gold_1", DOCUMENT))
    async with catalog.writing() as tx:
        await tx.eval_runs.add_results(SYSTEM, made.id, [later])

    async with catalog.reading() as tx:
        assert await tx.eval_runs.results(SYSTEM, made.id) == [later, result("gold_2")]
        assert await tx.eval_runs.result(SYSTEM, made.id, "gold_1") == later
        with pytest.raises(NotFound):
            await tx.eval_runs.result(SYSTEM, made.id, "gold_9")


async def test_who_may_not_see_a_document_sees_no_result_that_shows_it(catalog: SqlCatalog) -> None:
    made = run()
    await add(catalog, made, result("gold_1", DOCUMENT, OTHER), result("gold_2", OTHER), result("gold_3"))
    async with catalog.writing() as tx:
        await tx.documents.grant(SYSTEM, DOCUMENT, frozenset({"board"}))

    async with catalog.reading() as tx:
        seen = [one.case_id for one in await tx.eval_runs.results(READER, made.id)]
        cached = await tx.eval_runs.cached(READER, CORPUS, ["key of gold_1", "key of gold_2"])
        with pytest.raises(NotFound):
            await tx.eval_runs.result(READER, made.id, "gold_1")
    assert (seen, sorted(cached)) == (["gold_2", "gold_3"], ["key of gold_2"])


async def test_what_is_known_is_found_by_its_key_in_any_run_of_the_corpus(catalog: SqlCatalog) -> None:
    first, second = result("gold_1", DOCUMENT), result("gold_2")
    await add(catalog, run(1), first)
    await add(catalog, run(2), replace(first, case_id="gold_7"), second)

    async with catalog.reading() as tx:
        found = await tx.eval_runs.cached(SYSTEM, CORPUS, [first.cache_key, second.cache_key, "unknown"])
        nothing = await tx.eval_runs.cached(SYSTEM, CORPUS, [])

    assert {key: one.documents for key, one in found.items()} == {
        first.cache_key: frozenset({DOCUMENT}),
        second.cache_key: frozenset(),
    }
    assert nothing == {}


async def test_more_keys_than_one_statement_takes_are_found(catalog: SqlCatalog) -> None:
    made = [result(f"gold_{number}", DOCUMENT) for number in range(1_100)]
    await add(catalog, run(), *made)

    async with catalog.reading() as tx:
        found = await tx.eval_runs.cached(SYSTEM, CORPUS, [one.cache_key for one in made])

    assert len(found) == len(made)


async def test_a_result_belongs_to_the_document_that_its_question_quotes_though_nothing_of_it_was_found(
    catalog: SqlCatalog,
) -> None:
    await keep(catalog, golden("1", **quoting("a")))
    made = run()

    await add(catalog, made, result("gold_1"), result("gold_2", OTHER))

    async with catalog.reading() as tx:
        shown = {one.case_id: one.documents for one in await tx.eval_runs.results(SYSTEM, made.id)}
    assert shown == {"gold_1": {DOCUMENT}, "gold_2": {OTHER}}


async def test_a_result_that_shows_what_is_to_be_erased_is_not_kept(catalog: SqlCatalog) -> None:
    made = run()
    await add(catalog, made)
    await request(catalog)
    async with catalog.writing() as tx:
        await tx.eval_runs.add_results(SYSTEM, made.id, [result("gold_1", DOCUMENT), result("gold_2", OTHER)])

    async with catalog.reading() as tx:
        assert [one.case_id for one in await tx.eval_runs.results(SYSTEM, made.id)] == ["gold_2"]


async def test_an_erasure_takes_the_results_that_show_the_document(catalog: SqlCatalog) -> None:
    made = run()
    await add(catalog, made, result("gold_1", DOCUMENT, OTHER), result("gold_2", OTHER))
    async with catalog.reading() as tx:
        assert await tx.eval_runs.showing(SYSTEM, DOCUMENT) == 1
    await request(catalog)

    removal, _ = await remove(catalog)

    async with catalog.reading() as tx:
        left = [one.case_id for one in await tx.eval_runs.results(SYSTEM, made.id)]
        assert (left, await tx.eval_runs.showing(SYSTEM, DOCUMENT)) == (["gold_2"], 0)
        assert await tx.eval_runs.cached(SYSTEM, CORPUS, ["key of gold_1"]) == {}
    assert removal.removed["eval_results"] == 1


async def test_runs_are_listed_by_time_of_one_suite_or_all(catalog: SqlCatalog) -> None:
    for number in range(1, 6):
        await add(catalog, run(number, suite="sample" if number == 3 else "golden"))

    async with catalog.reading() as tx:
        first = await tx.eval_runs.page(SYSTEM, corpus_id=CORPUS, suite="golden", page=PageRequest(limit=3))
        after = PageRequest(limit=3, after=first.items[-1].id)
        rest = await tx.eval_runs.page(SYSTEM, corpus_id=CORPUS, suite="golden", page=after)
        every = await tx.eval_runs.page(SYSTEM, corpus_id=None, suite=None, page=PageRequest())

    assert ([one.id for one in first.items], first.has_more) == (["eval_5", "eval_4", "eval_2"], True)
    assert ([one.id for one in rest.items], rest.has_more) == (["eval_1"], False)
    assert len(every.items) == 5


async def test_the_oldest_runs_of_a_suite_make_room_with_their_results(catalog: SqlCatalog) -> None:
    oldest = run(1)
    await add(catalog, run(0, suite="sample"))
    await add(catalog, oldest, result("gold_1", DOCUMENT))
    async with catalog.writing() as tx:
        for number in range(2, KEPT_RUNS + 2):
            await tx.eval_runs.add(SYSTEM, run(number))

    async with catalog.reading() as tx:
        with pytest.raises(NotFound):
            await tx.eval_runs.get(SYSTEM, oldest.id)
        assert await tx.eval_runs.showing(SYSTEM, DOCUMENT) == 0
        assert (await tx.eval_runs.get(SYSTEM, run(2).id)).id == run(2).id
        assert (await tx.eval_runs.get(SYSTEM, run(0).id)).suite == "sample"


def run(day: int = 1, **options: Any) -> EvalRun:
    return values.run(day=day, corpus_id=CORPUS, tenant_id=OURS, **options)


def result(case_id: str, *documents: str, **scores: float | None) -> CaseResult:
    return values.showing(values.result(case_id, **scores), *documents)


async def add(catalog: SqlCatalog, made: EvalRun, *found: CaseResult) -> None:
    async with catalog.writing() as tx:
        await tx.eval_runs.add(SYSTEM, made)
        await tx.eval_runs.add_results(SYSTEM, made.id, found)
