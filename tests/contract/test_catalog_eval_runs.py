"""Runs of suites and their results: the same on SQLite and PostgreSQL."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from rag_service.catalog import eval_runs
from rag_service.catalog.eval_runs import KEPT_RESULTS, KEPT_RUNS
from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.catalog.tables import golden_question_documents
from rag_service.domain.evaluations import CaseResult, EvalRun, EvalRunState, RunPurpose
from rag_service.domain.pages import PageRequest
from rag_service.errors import InvalidRequest, NotFound
from tests import evaluation_values as values
from tests.contract.catalog_values import CORPUS, ELSEWHERE, OURS, READER, STRANGER, SYSTEM
from tests.contract.erasure_values import DOCUMENT, erasure, remove, request, rewriting, tombstone, with_two_documents
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
            tx.eval_runs.results_page(scope, made.id, PageRequest()),
            tx.eval_runs.result(scope, made.id, "gold_1"),
            tx.eval_runs.add_results(scope, made.id, []),
            tx.eval_runs.cached(scope, CORPUS, ["key of gold_1"]),
            tx.eval_runs.add(scope, run(2)),
        ):
            with pytest.raises(NotFound):
                await asked
        page = await tx.eval_runs.page(scope, corpus_id=None, suite=None, page=PageRequest())
        assert page.items == []


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
        await values.keep_results(tx, SYSTEM, made, [result("gold_1", DOCUMENT), result("gold_2", OTHER)])

    async with catalog.reading() as tx:
        assert [one.case_id for one in await tx.eval_runs.results(SYSTEM, made.id)] == ["gold_2"]


async def test_a_question_is_measured_on_when_the_document_it_quotes_was_dropped_with_its_versions(
    catalog: SqlCatalog,
) -> None:
    await keep(catalog, golden("1"))
    made = run()
    await add(catalog, made)
    async with catalog._database.writing() as connection:
        quoted = {"question_id": "gold_1", "document_id": "doc_dropped"}
        await connection.execute(golden_question_documents.insert().values(quoted))

    async with catalog.writing() as tx:
        await tx.eval_runs.add_results(SYSTEM, made.id, [result("gold_1", "doc_dropped")])

    async with catalog.reading() as tx:
        assert [one.case_id for one in await tx.eval_runs.results(SYSTEM, made.id)] == ["gold_1"]


async def test_an_erasure_takes_the_results_that_show_the_document(catalog: SqlCatalog) -> None:
    made = run()
    await add(catalog, made, result("gold_1", DOCUMENT, OTHER), result("gold_2", OTHER))
    await request(catalog)

    removal, _ = await remove(catalog)

    async with catalog.reading() as tx:
        assert [one.case_id for one in await tx.eval_runs.results(SYSTEM, made.id)] == ["gold_2"]
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
        assert (await tx.eval_runs.get(SYSTEM, run(2).id)).id == run(2).id
        assert (await tx.eval_runs.get(SYSTEM, run(0).id)).suite == "sample"


async def test_only_the_newest_ended_runs_keep_what_became_of_each_question(catalog: SqlCatalog) -> None:
    waiting, oldest, next_one = run(1, state=EvalRunState.RUNNING), run(2), run(3)
    for made in (waiting, oldest, next_one):
        await add(catalog, made, result("gold_1", DOCUMENT))
    async with catalog.writing() as tx:
        for number in range(4, KEPT_RESULTS + 4):
            await tx.eval_runs.add(
                SYSTEM, run(number, state=EvalRunState.FAILED if number % 2 else EvalRunState.FINISHED)
            )

    async with catalog.reading() as tx:
        left = [len(await tx.eval_runs.results(SYSTEM, made.id)) for made in (waiting, oldest, next_one)]
        assert await tx.eval_runs.get(SYSTEM, oldest.id) == oldest
    assert left == [1, 0, 0]


async def test_results_come_in_parts_by_case_and_only_those_that_may_be_seen(catalog: SqlCatalog) -> None:
    made = run()
    cases = [result(f"gold_{number}", OTHER) for number in range(1, 6)]
    await add(catalog, made, *cases, result("gold_0", DOCUMENT))
    async with catalog.writing() as tx:
        await tx.documents.grant(SYSTEM, DOCUMENT, frozenset({"board"}))

    async with catalog.reading() as tx:

        async def part(**asked: Any) -> tuple[list[CaseResult], bool]:
            page = await tx.eval_runs.results_page(READER, made.id, PageRequest(limit=3, **asked))
            return list(page.items), page.has_more

        assert await part() == (cases[:1:-1], True)
        assert await part(after="gold_3") == (cases[1::-1], False)
        assert await part(order="asc", before="gold_4") == (cases[:3], False)
        with pytest.raises(InvalidRequest):
            await part(after="gold_0")


async def test_of_copies_the_newest_comes_back_and_none_that_may_lack_the_judges_scores(catalog: SqlCatalog) -> None:
    judged = result("gold_1", faithfulness=0.4)
    await add(catalog, run(1), result("gold_1", faithfulness=0.2))
    await add(catalog, run(2), judged)
    await add(catalog, run(3, purpose=RunPurpose.GATE), result("gold_1"))
    await add(catalog, run(4, state=EvalRunState.RUNNING), result("gold_1"))

    async with catalog.reading() as tx:
        assert await tx.eval_runs.cached(SYSTEM, CORPUS, [judged.cache_key]) == {judged.cache_key: judged}


async def test_looking_for_what_is_known_reads_one_copy_of_it(catalog: SqlCatalog, monkeypatch: Any) -> None:
    for day in range(1, 5):
        await add(catalog, run(day), result("gold_1"))
    read = []
    monkeypatch.setattr(eval_runs, "_result_of", lambda row, found: read.append(row.run_id))

    async with catalog.reading() as tx:
        with pytest.raises(AttributeError):
            await tx.eval_runs.cached(SYSTEM, CORPUS, ["key of gold_1"])

    assert read == ["eval_4"]


async def test_the_result_of_a_question_that_is_gone_is_not_kept(catalog: SqlCatalog) -> None:
    await keep(catalog, golden("1", **quoting("a")), golden("2"))
    made = run()
    await add(catalog, made)
    await request(catalog)
    await remove(catalog)

    async with catalog.writing() as tx:
        await tx.eval_runs.add_results(SYSTEM, made.id, [result("gold_1"), result("gold_2")])

    async with catalog.reading() as tx:
        assert [one.case_id for one in await tx.eval_runs.results(SYSTEM, made.id)] == ["gold_2"]


async def test_a_result_that_shows_what_is_erased_is_not_kept_though_nothing_tells_of_it(catalog: SqlCatalog) -> None:
    await keep(catalog, golden("1"))
    made = run()
    await add(catalog, made)

    async with catalog.writing() as tx:
        await tx.eval_runs.add_results(SYSTEM, made.id, [result("gold_1", "doc_unknown")])

    async with catalog.reading() as tx:
        assert await tx.eval_runs.results(SYSTEM, made.id) == []


@pytest.mark.parametrize("shown", [(), (DOCUMENT,)])
async def test_an_erasure_waits_for_results_that_are_written_and_takes_them(
    catalog: SqlCatalog, shown: tuple[str, ...]
) -> None:
    await keep(catalog, golden("1", **quoting("a")), golden("2"))
    made = run()
    await add(catalog, made)

    async def erase() -> None:
        await request(catalog)
        await remove(catalog)

    async with catalog.writing() as tx:
        await tx.eval_runs.add_results(SYSTEM, made.id, [result("gold_1", *shown), result("gold_2")])
        erasing = asyncio.create_task(erase())
        await asyncio.wait({erasing}, timeout=1)
    await erasing

    async with catalog.reading() as tx:
        assert [one.case_id for one in await tx.eval_runs.results(SYSTEM, made.id)] == ["gold_2"]


async def test_results_that_are_written_while_an_erasure_goes_on_are_not_kept(catalog: SqlCatalog) -> None:
    await keep(catalog, golden("1", **quoting("a")), golden("2"))
    made = run()
    await add(catalog, made)
    async with catalog.writing() as tx:
        await tx.erasures.add(SYSTEM, erasure(), [])
    change, erased = await rewriting(catalog), asyncio.Event()

    async def erase() -> None:
        async with catalog.writing() as tx:
            await tx.erasures.remove_document(SYSTEM, tombstone(), change)
            erased.set()
            await asyncio.sleep(0.2)

    async def write() -> None:
        await erased.wait()
        async with catalog.writing() as tx:
            await tx.eval_runs.add_results(SYSTEM, made.id, [result("gold_1"), result("gold_2", DOCUMENT)])

    await asyncio.gather(erase(), write())

    async with catalog.reading() as tx:
        assert await tx.eval_runs.results(SYSTEM, made.id) == []


def run(day: int = 1, **options: Any) -> EvalRun:
    return values.run(day=day, corpus_id=CORPUS, tenant_id=OURS, **options)


def result(case_id: str, *documents: str, **scores: float | None) -> CaseResult:
    return values.showing(values.result(case_id, **scores), *documents)


async def add(catalog: SqlCatalog, made: EvalRun, *found: CaseResult) -> None:
    async with catalog.writing() as tx:
        await tx.eval_runs.add(SYSTEM, made)
        await values.keep_results(tx, SYSTEM, made, found)
