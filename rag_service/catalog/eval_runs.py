"""Runs of suites and their results."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.scoping import allowed_corpora, shows_nothing_hidden
from rag_service.catalog.tables import (
    corpora,
    documents,
    eval_result_documents,
    eval_results,
    eval_runs,
    golden_question_documents,
    golden_questions,
    tombstones,
)
from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.evaluations import (
    GOLDEN_SUITE,
    OPEN_RUNS,
    CaseResult,
    EvalRun,
    EvalRunState,
    Figure,
    RunPurpose,
)
from rag_service.domain.ids import CorpusId, DocumentId, EvalRunId
from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import NotFound

KEPT_RUNS = 400
"""Of a suite over a corpus for one purpose: more than a year of nights, however often something is published."""

KEPT_RESULTS = 30
"""Of those that ended the newest keep what became of each question: a month of nights. The others keep their figures."""

_FIGURES = TypeAdapter(tuple[Figure, ...])
_POSITION = (eval_runs.c.created_at, eval_runs.c.id)


class SqlEvalRuns:
    """Implements `ports.catalog.EvalRuns`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, run: EvalRun) -> None:
        await read_corpus(self._connection, scope, run.corpus_id)
        await self._connection.execute(eval_runs.insert().values(_values_of(run)))
        same = sa.select(eval_runs.c.id).where(
            eval_runs.c.corpus_id == run.corpus_id,
            eval_runs.c.suite == run.suite,
            eval_runs.c.purpose == run.purpose.value,
        )
        newest_first = same.order_by(*(column.desc() for column in _POSITION))
        await self._connection.execute(eval_runs.delete().where(eval_runs.c.id.in_(newest_first.offset(KEPT_RUNS))))
        over = newest_first.where(eval_runs.c.state.not_in([state.value for state in OPEN_RUNS])).offset(KEPT_RESULTS)
        await self._connection.execute(eval_results.delete().where(eval_results.c.run_id.in_(over)))

    async def get(self, scope: AccessScope, run_id: EvalRunId) -> EvalRun:
        row = (await self._connection.execute(allowed_runs(scope).where(eval_runs.c.id == run_id))).first()
        if row is None:
            raise NotFound("evaluation run", run_id)
        return run_of(row)

    async def change(self, scope: AccessScope, run: EvalRun) -> None:
        await self.get(scope, run.id)
        fixed = ("id", "tenant_id", "corpus_id", "suite", "purpose", "created_at")
        changed = {name: value for name, value in _values_of(run).items() if name not in fixed}
        await self._connection.execute(eval_runs.update().where(eval_runs.c.id == run.id).values(changed))

    async def add_results(self, scope: AccessScope, run_id: EvalRunId, results: Sequence[CaseResult]) -> None:
        run = await self.get(scope, run_id)
        quoted = await self._quoted(results) if run.suite == GOLDEN_SUITE else {}
        # A document that is only quoted may have been dropped with its versions; one that is erased takes the question along.
        found = {result.case_id: result.documents - quoted.get(result.case_id, frozenset()) for result in results}
        # Documents before questions, as whoever erases them: in another order the two could wait for each other.
        gone = await self._erased(frozenset().union(*found.values()))
        kept = [result for result in results if found[result.case_id].isdisjoint(gone)]
        if run.suite == GOLDEN_SUITE:
            kept = await self._of_questions(run.corpus_id, kept)
        for batch in batches(kept):
            same = sa.and_(eval_results.c.run_id == run_id, eval_results.c.case_id.in_([one.case_id for one in batch]))
            await self._connection.execute(eval_results.delete().where(same))
            await self._connection.execute(eval_results.insert(), [_values_of_result(run_id, one) for one in batch])
        shown = [
            {"run_id": run_id, "case_id": result.case_id, "document_id": document_id}
            for result in kept
            for document_id in sorted(result.documents | quoted.get(result.case_id, frozenset()))
        ]
        for rows in batches(shown):
            await self._connection.execute(eval_result_documents.insert(), rows)

    async def results(self, scope: AccessScope, run_id: EvalRunId) -> list[CaseResult]:
        await self.get(scope, run_id)
        return await self._with_documents(await self._rows(_of_run(scope, run_id).order_by(eval_results.c.case_id)))

    async def results_page(self, scope: AccessScope, run_id: EvalRunId, page: PageRequest) -> Page[CaseResult]:
        await self.get(scope, run_id)
        mine, position = _of_run(scope, run_id), (eval_results.c.case_id, eval_results.c.run_id)
        found = await fetch_page(
            self._connection,
            mine,
            position=position,
            cursor=lambda case_id: mine.where(eval_results.c.case_id == case_id).with_only_columns(*position),
            page=page,
            item_of=lambda row: row,
        )
        return Page(items=await self._with_documents(found.items), has_more=found.has_more)

    async def result(self, scope: AccessScope, run_id: EvalRunId, case_id: str) -> CaseResult:
        await self.get(scope, run_id)
        one = _of_run(scope, run_id).where(eval_results.c.case_id == case_id)
        found = await self._with_documents(await self._rows(one))
        if not found:
            raise NotFound("result", case_id)
        return found[0]

    async def cached(self, scope: AccessScope, corpus_id: CorpusId, keys: Collection[str]) -> dict[str, CaseResult]:
        await read_corpus(self._connection, scope, corpus_id)
        found: dict[str, CaseResult] = {}
        for batch in batches(sorted(keys)):
            first = _best_of(scope, corpus_id, batch).subquery()
            same = sa.and_(first.c.run_id == eval_results.c.run_id, first.c.case_id == eval_results.c.case_id)
            rows = await self._rows(sa.select(eval_results).join(first, sa.and_(same, first.c.place == 1)))
            found |= {result.cache_key: result for result in await self._with_documents(rows)}
        return found

    async def page(
        self, scope: AccessScope, *, corpus_id: CorpusId | None, suite: str | None, page: PageRequest
    ) -> Page[EvalRun]:
        rows = allowed_runs(scope)
        if corpus_id is not None:
            rows = rows.where(eval_runs.c.corpus_id == corpus_id)
        if suite is not None:
            rows = rows.where(eval_runs.c.suite == suite)
        return await fetch_page(
            self._connection,
            rows,
            position=_POSITION,
            cursor=lambda run_id: allowed_runs(scope).where(eval_runs.c.id == run_id).with_only_columns(*_POSITION),
            page=page,
            item_of=run_of,
        )

    async def _quoted(self, results: Sequence[CaseResult]) -> dict[str, set[DocumentId]]:
        """Return the documents that golden questions quote: their words are in the evidence, found or not."""
        quoted: dict[str, set[DocumentId]] = {}
        links = golden_question_documents
        for batch in batches([result.case_id for result in results]):
            for row in await self._connection.execute(links.select().where(links.c.question_id.in_(batch))):
                quoted.setdefault(row.question_id, set()).add(DocumentId(row.document_id))
        return quoted

    async def _of_questions(self, corpus_id: CorpusId, results: Sequence[CaseResult]) -> list[CaseResult]:
        """Return the results whose questions are still there, and keep those questions there until they are written."""
        there: set[str] = set()
        for batch in batches(sorted(result.case_id for result in results)):
            named = sa.select(golden_questions.c.id).where(
                golden_questions.c.corpus_id == corpus_id, golden_questions.c.id.in_(batch)
            )
            held = named.order_by(golden_questions.c.id).with_for_update(read=True, key_share=True)
            there |= set((await self._connection.execute(held)).scalars())
        return [result for result in results if result.case_id in there]

    async def _erased(self, document_ids: frozenset[DocumentId]) -> frozenset[str]:
        """Return those that are gone or about to go; the others stay until the results are written."""
        gone: set[str] = set(document_ids)
        for batch in batches(sorted(document_ids)):
            named = sa.select(documents.c.id).where(documents.c.id.in_(batch)).order_by(documents.c.id)
            held = await self._connection.execute(named.with_for_update(read=True, key_share=True))
            gone.difference_update(held.scalars())
        for batch in batches(sorted(document_ids)):
            stones = sa.select(tombstones.c.id).where(
                tombstones.c.kind == TombstoneKind.DOCUMENT.value, tombstones.c.id.in_(batch)
            )
            gone.update((await self._connection.execute(stones)).scalars())
        return frozenset(gone)

    async def _rows(self, found: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        rows: Sequence[sa.Row[Any]] = (await self._connection.execute(found)).all()
        return rows

    async def _with_documents(self, found: Sequence[sa.Row[Any]]) -> list[CaseResult]:
        shown: dict[tuple[str, str], set[DocumentId]] = {}
        for batch in batches([(row.run_id, row.case_id) for row in found]):
            table = eval_result_documents
            # The runs are named once more alone: SQLite uses no index for pairs.
            mine = table.select().where(
                table.c.run_id.in_({run_id for run_id, _ in batch}),
                sa.tuple_(table.c.run_id, table.c.case_id).in_(batch),
            )
            for row in await self._connection.execute(mine):
                shown.setdefault((row.run_id, row.case_id), set()).add(DocumentId(row.document_id))
        return [_result_of(row, frozenset(shown.get((row.run_id, row.case_id), ()))) for row in found]


def allowed_runs(scope: AccessScope) -> sa.Select[Any]:
    """Select the runs over corpora in a scope."""
    return sa.select(eval_runs).join(corpora).where(allowed_corpora(scope))


def _of_run(scope: AccessScope, run_id: EvalRunId) -> sa.Select[Any]:
    return eval_results.select().where(eval_results.c.run_id == run_id, _is_visible(scope))


def _best_of(scope: AccessScope, corpus_id: CorpusId, keys: Sequence[str]) -> sa.Select[Any]:
    """Select the place of each result among those with its key: each run that took one over has a copy.

    A copy that may lack the judge's scores comes last, that of a gate or of a run without an end; then the newest is first.
    """
    may_lack = sa.or_(eval_runs.c.purpose == RunPurpose.GATE.value, eval_runs.c.state != EvalRunState.FINISHED.value)
    order = (may_lack, eval_runs.c.created_at.desc(), eval_runs.c.id, eval_results.c.case_id)
    place = sa.func.row_number().over(partition_by=eval_results.c.cache_key, order_by=order)
    every = sa.select(eval_results.c.run_id, eval_results.c.case_id, place.label("place")).join(eval_runs)
    return every.where(eval_runs.c.corpus_id == corpus_id, eval_results.c.cache_key.in_(keys), _is_visible(scope))


def _is_visible(scope: AccessScope) -> sa.ColumnElement[bool]:
    """Results that show nothing but documents that the scope may see."""
    shown = eval_result_documents.c
    of_result = sa.and_(shown.run_id == eval_results.c.run_id, shown.case_id == eval_results.c.case_id)
    return shows_nothing_hidden(scope, eval_result_documents, of_result, eval_results)


def run_of(row: sa.Row[Any]) -> EvalRun:
    summary = row.summary
    return EvalRun(
        id=row.id,
        tenant_id=row.tenant_id,
        corpus_id=row.corpus_id,
        number=row.number,
        draft_id=row.draft_id,
        suite=row.suite,
        suite_digest=row.suite_digest,
        purpose=RunPurpose(row.purpose),
        state=EvalRunState(row.state),
        made_with=summary["made_with"],
        judge=row.judge,
        total=row.total,
        done=row.done,
        figures=_FIGURES.validate_python(summary["figures"]),
        notes=tuple(summary["notes"]),
        error=summary["error"],
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _values_of(run: EvalRun) -> dict[str, Any]:
    same = ("id", "tenant_id", "corpus_id", "number", "draft_id", "suite", "suite_digest", "judge", "total", "done")
    return {name: getattr(run, name) for name in (*same, "created_at", "finished_at")} | {
        "purpose": run.purpose.value,
        "state": run.state.value,
        "summary": {
            "made_with": dict(run.made_with),
            "figures": _FIGURES.dump_python(run.figures, mode="json"),
            "notes": list(run.notes),
            "error": run.error,
        },
    }


def _result_of(row: sa.Row[Any], documents: frozenset[DocumentId]) -> CaseResult:
    return CaseResult(
        case_id=row.case_id,
        cache_key=row.cache_key,
        scores=row.scores["scores"],
        missing=row.scores["missing"],
        evidence=row.evidence,
        documents=documents,
    )


def _values_of_result(run_id: EvalRunId, result: CaseResult) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "case_id": result.case_id,
        "cache_key": result.cache_key,
        "scores": {"scores": dict(result.scores), "missing": dict(result.missing)},
        "evidence": dict(result.evidence),
    }
