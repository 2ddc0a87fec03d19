"""Scores of answers that people got, and what of them has drifted."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.answers import is_to_be_erased
from rag_service.catalog.database import insert_into
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora
from rag_service.catalog.tables import answers, corpora, live_drifts, live_scores, tenants
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.ids import CorpusId, TenantId
from rag_service.domain.live import Drift, LiveCandidate, LiveScore, LiveValues


class SqlLiveAnswers:
    """Implements `ports.catalog.LiveAnswers`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def candidates(self, *, since: datetime) -> list[LiveCandidate]:
        found = (
            sa.select(
                answers.c.id.label("answer_id"),
                answers.c.tenant_id,
                answers.c.corpus_id,
                answers.c.status,
                answers.c.created_at.label("asked_at"),
                live_scores.c.answer_id.is_not(None).label("is_scored"),
            )
            .outerjoin(live_scores, live_scores.c.answer_id == answers.c.id)
            # By tenant, since the index on moments begins with it: answers of years are not gone through.
            .where(answers.c.tenant_id.in_(sa.select(tenants.c.id)), answers.c.created_at >= since, ~is_to_be_erased())
            .order_by(answers.c.created_at, answers.c.id)
        )
        # Here and below in a thread: a busy day has tens of thousands of rows, and jobs are held meanwhile.
        return await asyncio.to_thread(_candidates_of, await self._connection.execute(found))

    async def add(self, score: LiveScore) -> bool:
        # Who erases the answer waits until this row is there, and then takes it along.
        there = (
            sa.select(answers.c.id).where(answers.c.id == score.answer_id).with_for_update(read=True, key_share=True)
        )
        if (await self._connection.execute(there)).first() is None:
            return False
        row = asdict(score) | {"status": score.status.value}
        row["scores"] = {"values": row.pop("values"), "missing": row.pop("missing")}
        new = insert_into(self._connection, live_scores).values(row).on_conflict_do_nothing()
        return (await self._connection.execute(new)).rowcount == 1

    async def scores(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        *,
        since: datetime,
        before: datetime | None = None,
        with_questions: bool = False,
    ) -> list[LiveScore]:
        columns = [column for column in live_scores.c if with_questions or column is not live_scores.c.question]
        found = sa.select(*columns).join(corpora, corpora.c.id == live_scores.c.corpus_id)
        found = found.where(
            allowed_corpora(scope), live_scores.c.corpus_id == corpus_id, live_scores.c.asked_at >= since
        )
        if before is not None:
            found = found.where(live_scores.c.asked_at < before)
        ordered = found.order_by(live_scores.c.asked_at, live_scores.c.answer_id)
        return await asyncio.to_thread(_scores_of, await self._connection.execute(ordered))

    async def values_of_all(self, *, since: datetime) -> list[LiveValues]:
        columns = (live_scores.c.corpus_id, live_scores.c.status, live_scores.c.rate, live_scores.c.scores)
        # By corpus, since the index on moments begins with it.
        recent = live_scores.c.corpus_id.in_(sa.select(corpora.c.id)), live_scores.c.asked_at >= since
        found: sa.Select[Any] = sa.select(*columns).where(*recent)
        return await asyncio.to_thread(_values_of, await self._connection.execute(found))

    async def scored_corpora(
        self, *, since: datetime, before: datetime | None = None
    ) -> list[tuple[TenantId, CorpusId]]:
        recent = sa.exists().where(live_scores.c.corpus_id == corpora.c.id, live_scores.c.asked_at >= since)
        if before is not None:
            recent = recent.where(live_scores.c.asked_at < before)
        found = sa.select(corpora.c.tenant_id, corpora.c.id).where(recent).order_by(corpora.c.id)
        return [(row.tenant_id, row.id) for row in await self._connection.execute(found)]

    async def add_drifts(self, drifts: Sequence[Drift]) -> None:
        if drifts:
            new = insert_into(self._connection, live_drifts).on_conflict_do_nothing()
            await self._connection.execute(new, [asdict(one) for one in drifts])

    async def drifts(self, scope: AccessScope, corpus_id: CorpusId, *, since: datetime) -> list[Drift]:
        found = sa.select(live_drifts).join(corpora, corpora.c.id == live_drifts.c.corpus_id)
        return await self._newest_first(
            found.where(allowed_corpora(scope), live_drifts.c.corpus_id == corpus_id, live_drifts.c.window_end >= since)
        )

    async def drifts_of_all(self, *, since: datetime) -> list[Drift]:
        return await self._newest_first(sa.select(live_drifts).where(live_drifts.c.window_end >= since))

    async def _newest_first(self, found: sa.Select[Any]) -> list[Drift]:
        ordered = found.order_by(live_drifts.c.window_end.desc(), live_drifts.c.measure)
        return [Drift(**columns_of(row)) for row in await self._connection.execute(ordered)]


def _candidates_of(rows: Iterable[sa.Row[Any]]) -> list[LiveCandidate]:
    return [LiveCandidate(**columns_of(row) | {"status": AnswerStatus(row.status)}) for row in rows]


def _scores_of(rows: Iterable[sa.Row[Any]]) -> list[LiveScore]:
    return [_score_of(row) for row in rows]


def _values_of(rows: Iterable[sa.Row[Any]]) -> list[LiveValues]:
    return [
        LiveValues(corpus_id=row.corpus_id, status=AnswerStatus(row.status), rate=row.rate, values=row.scores["values"])
        for row in rows
    ]


def _score_of(row: sa.Row[Any]) -> LiveScore:
    columns = columns_of(row)
    return LiveScore(**columns | columns.pop("scores") | {"status": AnswerStatus(row.status)})
