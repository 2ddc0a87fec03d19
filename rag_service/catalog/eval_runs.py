"""Runs of suites and their results."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.scoping import allowed_corpora, visible_documents
from rag_service.catalog.tables import (
    corpora,
    documents,
    eval_result_documents,
    eval_results,
    eval_runs,
    golden_question_documents,
    tombstones,
)
from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.evaluations import GOLDEN_SUITE, CaseResult, EvalRun, EvalRunState, Figure, RunPurpose
from rag_service.domain.ids import CorpusId, DocumentId, EvalRunId
from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import NotFound

KEPT_RUNS = 400
"""Of a suite over a corpus for one purpose: more than a year of nights, however often something is published."""

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
        old = same.order_by(*(column.desc() for column in _POSITION)).offset(KEPT_RUNS)
        await self._connection.execute(eval_runs.delete().where(eval_runs.c.id.in_(old)))

    async def get(self, scope: AccessScope, run_id: EvalRunId) -> EvalRun:
        row = (await self._connection.execute(_allowed(scope).where(eval_runs.c.id == run_id))).first()
        if row is None:
            raise NotFound("evaluation run", run_id)
        return run_of(row)

    async def change(self, scope: AccessScope, run: EvalRun) -> None:
        await self.get(scope, run.id)
        fixed = ("id", "tenant_id", "corpus_id", "suite", "purpose", "created_at")
        changed = {name: value for name, value in _values_of(run).items() if name not in fixed}
        await self._connection.execute(eval_runs.update().where(eval_runs.c.id == run.id).values(changed))

    async def add_results(self, scope: AccessScope, run_id: EvalRunId, results: Sequence[CaseResult]) -> None:
        if (await self.get(scope, run_id)).suite == GOLDEN_SUITE:
            results = await self._with_quoted(results)
        gone = await self._erased(frozenset().union(*(result.documents for result in results)))
        kept = [result for result in results if result.documents.isdisjoint(gone)]
        for batch in batches(kept):
            same = sa.and_(eval_results.c.run_id == run_id, eval_results.c.case_id.in_([one.case_id for one in batch]))
            await self._connection.execute(eval_results.delete().where(same))
            await self._connection.execute(eval_results.insert(), [_values_of_result(run_id, one) for one in batch])
        shown = [
            {"run_id": run_id, "case_id": result.case_id, "document_id": document_id}
            for result in kept
            for document_id in sorted(result.documents)
        ]
        for rows in batches(shown):
            await self._connection.execute(eval_result_documents.insert(), rows)

    async def results(self, scope: AccessScope, run_id: EvalRunId) -> list[CaseResult]:
        await self.get(scope, run_id)
        mine = eval_results.select().where(eval_results.c.run_id == run_id, _is_visible(scope))
        return await self._with_documents(mine.order_by(eval_results.c.case_id))

    async def result(self, scope: AccessScope, run_id: EvalRunId, case_id: str) -> CaseResult:
        await self.get(scope, run_id)
        one = sa.and_(eval_results.c.run_id == run_id, eval_results.c.case_id == case_id)
        found = await self._with_documents(eval_results.select().where(one, _is_visible(scope)))
        if not found:
            raise NotFound("result", case_id)
        return found[0]

    async def cached(self, scope: AccessScope, corpus_id: CorpusId, keys: Collection[str]) -> dict[str, CaseResult]:
        await read_corpus(self._connection, scope, corpus_id)
        found: dict[str, CaseResult] = {}
        for batch in batches(sorted(keys)):
            of_corpus = sa.select(eval_results).join(eval_runs).where(eval_runs.c.corpus_id == corpus_id)
            same = of_corpus.where(eval_results.c.cache_key.in_(batch), _is_visible(scope))
            found |= {result.cache_key: result for result in await self._with_documents(same)}
        return found

    async def page(
        self, scope: AccessScope, *, corpus_id: CorpusId | None, suite: str | None, page: PageRequest
    ) -> Page[EvalRun]:
        rows = _allowed(scope)
        if corpus_id is not None:
            rows = rows.where(eval_runs.c.corpus_id == corpus_id)
        if suite is not None:
            rows = rows.where(eval_runs.c.suite == suite)
        return await fetch_page(
            self._connection,
            rows,
            position=_POSITION,
            cursor=lambda run_id: _allowed(scope).where(eval_runs.c.id == run_id).with_only_columns(*_POSITION),
            page=page,
            item_of=run_of,
        )

    async def showing(self, scope: AccessScope, document_id: DocumentId) -> int:
        shown = sa.select(sa.func.count()).select_from(eval_result_documents.join(eval_results).join(eval_runs))
        mine = shown.where(eval_runs.c.tenant_id == scope.tenant_id, eval_result_documents.c.document_id == document_id)
        return int((await self._connection.execute(mine)).scalar_one())

    async def _with_quoted(self, results: Sequence[CaseResult]) -> list[CaseResult]:
        """Add the documents that golden questions quote: their words are in the evidence, found or not."""
        quoted: dict[str, set[DocumentId]] = {}
        links = golden_question_documents
        for batch in batches([result.case_id for result in results]):
            for row in await self._connection.execute(links.select().where(links.c.question_id.in_(batch))):
                quoted.setdefault(row.question_id, set()).add(DocumentId(row.document_id))
        return [replace(result, documents=result.documents | quoted.get(result.case_id, set())) for result in results]

    async def _erased(self, document_ids: frozenset[DocumentId]) -> frozenset[str]:
        gone: set[str] = set()
        for batch in batches(sorted(document_ids)):
            stones = sa.select(tombstones.c.id).where(
                tombstones.c.kind == TombstoneKind.DOCUMENT.value, tombstones.c.id.in_(batch)
            )
            gone |= set((await self._connection.execute(stones)).scalars())
        return frozenset(gone)

    async def _with_documents(self, rows: sa.Select[Any]) -> list[CaseResult]:
        found = (await self._connection.execute(rows)).all()
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


def _allowed(scope: AccessScope) -> sa.Select[Any]:
    return sa.select(eval_runs).join(corpora).where(allowed_corpora(scope))


def _is_visible(scope: AccessScope) -> sa.ColumnElement[bool]:
    """Results that show nothing but documents that the scope may see."""
    if scope.sees_all_documents:
        return sa.true()
    shown = eval_result_documents
    seen = sa.exists().where(documents.c.id == shown.c.document_id, visible_documents(scope)).correlate(shown)
    hidden = sa.exists().where(
        shown.c.run_id == eval_results.c.run_id, shown.c.case_id == eval_results.c.case_id, ~seen
    )
    return ~hidden.correlate(eval_results)


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
