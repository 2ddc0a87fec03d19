"""Looks at corpora, runs and gates of all tenants."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.due_jobs import is_left_alone
from rag_service.catalog.eval_runs import allowed_runs, run_of
from rag_service.catalog.gates import acceptance_of, gate_of
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora
from rag_service.catalog.tables import (
    corpora,
    drafts,
    eval_results,
    eval_runs,
    gate_acceptances,
    gates,
    golden_questions,
    jobs,
    versions,
)
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DraftState
from rag_service.domain.evaluation_watch import WatchedCorpus
from rag_service.domain.evaluations import EvalRun, EvalRunState, RunPurpose
from rag_service.domain.gates import Acceptance, lets_through
from rag_service.domain.golden import GoldenState
from rag_service.domain.ids import CorpusId, DraftId
from rag_service.domain.jobs import JobKind

_FINISHED = eval_runs.c.state == EvalRunState.FINISHED.value
_NEWEST_FIRST = (eval_runs.c.created_at.desc(), eval_runs.c.id.desc())


class SqlEvaluationWatch:
    """Implements `ports.catalog.EvaluationWatch`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def corpora(self) -> list[WatchedCorpus]:
        accepted = (
            sa.select(golden_questions.c.corpus_id, sa.func.min(golden_questions.c.created_at).label("since"))
            .where(golden_questions.c.state == GoldenState.ACCEPTED.value)
            .group_by(golden_questions.c.corpus_id)
            .subquery()
        )
        current = sa.and_(versions.c.corpus_id == corpora.c.id, versions.c.number == corpora.c.published)
        found: sa.Select[Any] = (
            sa.select(
                corpora.c.tenant_id,
                corpora.c.id.label("corpus_id"),
                corpora.c.published,
                drafts.c.automatic,
                accepted.c.since,
            )
            .join(accepted, accepted.c.corpus_id == corpora.c.id)
            .join(versions, current)
            .join(drafts, drafts.c.id == versions.c.draft_id)
            .order_by(corpora.c.id)
        )
        return [WatchedCorpus(**columns_of(row)) for row in await self._connection.execute(found)]

    async def last(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        purpose: RunPurpose,
        *,
        number: int | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> EvalRun | None:
        found = allowed_runs(scope).where(eval_runs.c.corpus_id == corpus_id, eval_runs.c.purpose == purpose.value)
        if number is not None:
            found = found.where(eval_runs.c.number == number)
        if since is not None:
            found = found.where(eval_runs.c.created_at >= since)
        if before is not None:
            found = found.where(eval_runs.c.created_at < before)
        return await self._first(found.order_by(*_NEWEST_FIRST))

    async def base(self, scope: AccessScope, run: EvalRun, *, upto: int) -> EvalRun | None:
        draft = sa.outerjoin(eval_runs, drafts, drafts.c.id == eval_runs.c.draft_id)
        was_published = sa.or_(eval_runs.c.draft_id.is_(None), drafts.c.state == DraftState.PUBLISHED.value)
        found = (
            sa.select(eval_runs)
            .select_from(draft.join(corpora, corpora.c.id == eval_runs.c.corpus_id))
            .where(allowed_corpora(scope), eval_runs.c.corpus_id == run.corpus_id, eval_runs.c.suite == run.suite)
            .where(_FINISHED, was_published, eval_runs.c.number <= upto, eval_runs.c.id != run.id)
            # A gate searches exactly, whatever the size: what it found is not what people get. Old runs lose their results.
            .where(eval_runs.c.purpose != RunPurpose.GATE.value)
            .where(sa.exists().where(eval_results.c.run_id == eval_runs.c.id))
        )
        return await self._first(found.order_by(eval_runs.c.number.desc(), *_NEWEST_FIRST))

    async def newest_finished(self) -> list[EvalRun]:
        place = sa.func.row_number().over(
            partition_by=(eval_runs.c.corpus_id, eval_runs.c.suite, eval_runs.c.purpose), order_by=_NEWEST_FIRST
        )
        ranked = (
            sa.select(eval_runs.c.id, place.label("place"))
            .where(_FINISHED, eval_runs.c.draft_id.is_(None), eval_runs.c.purpose != RunPurpose.GATE.value)
            .subquery()
        )
        newest = sa.select(eval_runs).where(eval_runs.c.id.in_(sa.select(ranked.c.id).where(ranked.c.place == 1)))
        return [run_of(row) for row in await self._connection.execute(newest.order_by(eval_runs.c.id))]

    async def blocked(self) -> list[CorpusId]:
        as_it_is = sa.and_(drafts.c.id == gates.c.draft_id, drafts.c.number == gates.c.number)
        sealed = sa.select(gates).join(drafts, as_it_is).where(drafts.c.state == DraftState.SEALED.value)
        verdicts = [gate_of(row) for row in await self._connection.execute(sealed.order_by(gates.c.corpus_id))]
        of_these = gate_acceptances.c.draft_id.in_([gate.draft_id for gate in verdicts])
        accepted: dict[DraftId, list[Acceptance]] = {}
        for row in await self._connection.execute(gate_acceptances.select().where(of_these)):
            accepted.setdefault(row.draft_id, []).append(acceptance_of(row))
        return [gate.corpus_id for gate in verdicts if not lets_through(gate, accepted.get(gate.draft_id, ()))]

    async def left_alone(
        self, kinds: Collection[JobKind], *, now: datetime, served_kinds: Collection[JobKind], starved_after: timedelta
    ) -> Mapping[JobKind, int]:
        left = is_left_alone(now=now, served_kinds=served_kinds, starved_after=starved_after)
        counted = sa.select(jobs.c.kind, sa.func.count().label("number")).where(jobs.c.kind.in_(kinds), left)
        found = {row.kind: row.number for row in await self._connection.execute(counted.group_by(jobs.c.kind))}
        return {kind: found.get(kind.value, 0) for kind in kinds}

    async def _first(self, found: sa.Select[Any]) -> EvalRun | None:
        row = (await self._connection.execute(found.limit(1))).first()
        return None if row is None else run_of(row)
