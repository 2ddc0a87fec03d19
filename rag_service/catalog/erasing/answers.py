"""Answers that go with what is erased, and what is left of the person who asked."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.erasing.evaluations import accepted_by, remove_of_answers
from rag_service.catalog.erasing.places import delete_rows
from rag_service.catalog.tables import (
    answer_sources,
    answer_turns,
    answers,
    feedback,
    gate_acceptances,
    idempotent_replies,
    live_scores,
)
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.erasures import AnswerPlace, Erasure, ErasureKind, Removal
from rag_service.domain.ids import AnswerId, CorpusId, KeyId, TenantId

_PLACE = (answers.c.id, answers.c.corpus_id, answers.c.key_id, answers.c.end_user)


async def answers_about(
    connection: AsyncConnection,
    tenant_id: TenantId,
    erasure: Erasure,
    *,
    also: Collection[AnswerId],
    limit: int | None,
) -> Sequence[AnswerPlace]:
    """Return the answers that go with an erasure; see the port."""
    mine = sa.select(*_PLACE).where(answers.c.tenant_id == tenant_id)
    first = mine.where(_shows(erasure)).order_by(answers.c.id)
    found = await _places(connection, first if limit is None else first.limit(limit))
    for batch in batches(sorted(also)):
        found |= await _places(connection, mine.where(answers.c.id.in_(batch)))
    new = list(found)
    while new:
        repeated: dict[AnswerId, AnswerPlace] = {}
        for batch in batches(new):
            repeated |= await _places(connection, mine.where(_holds_text_of(batch)))
        new = [answer_id for answer_id in repeated if answer_id not in found]
        found |= repeated
    return [found[answer_id] for answer_id in sorted(found)]


async def remove_answers(connection: AsyncConnection, tenant_id: TenantId, ids: Sequence[str]) -> Removal:
    """Remove answers and what hangs on them."""
    removed = dict.fromkeys(("feedback", "answer_sources", "answer_turns", "live_scores", "answers"), 0)
    for batch in batches(ids):
        mine = sa.select(answers.c.id).where(answers.c.tenant_id == tenant_id, answers.c.id.in_(batch))
        for table in (feedback, answer_sources, answer_turns, live_scores):
            removed[table.name] += await delete_rows(connection, table, table.c.answer_id.in_(mine))
        removed["answers"] += await delete_rows(connection, answers, answers.c.id.in_(mine))
    return Removal(removed=removed).plus(await remove_of_answers(connection, tenant_id, ids))


async def remove_person(connection: AsyncConnection, tenant_id: TenantId, end_user: str) -> Removal:
    """Remove an end user's feedback, what they accepted of drafts, and the replies kept for them."""
    of_tenant = sa.select(answers.c.id).where(answers.c.tenant_id == tenant_id)
    theirs = sa.and_(feedback.c.end_user == end_user, feedback.c.answer_id.in_(of_tenant))
    kept = sa.and_(idempotent_replies.c.tenant_id == tenant_id, idempotent_replies.c.end_user == end_user)
    return Removal(
        removed={
            "feedback": await delete_rows(connection, feedback, theirs),
            "idempotent_replies": await delete_rows(connection, idempotent_replies, kept),
            "gate_acceptances": await delete_rows(connection, gate_acceptances, accepted_by(tenant_id, end_user)),
        }
    )


def _shows(erasure: Erasure) -> sa.ColumnElement[bool]:
    match erasure.kind:
        case ErasureKind.DOCUMENT:
            showing = sa.select(answer_sources.c.answer_id)
            return answers.c.id.in_(showing.where(answer_sources.c.document_id == erasure.subject["document_id"]))
        case ErasureKind.PERSON:
            return sa.and_(
                answers.c.end_user == erasure.subject["end_user"], answers.c.created_at <= erasure.created_at
            )
        case ErasureKind.CORPUS:
            return answers.c.corpus_id == erasure.subject["corpus_id"]


def _holds_text_of(ids: Sequence[AnswerId]) -> sa.ColumnElement[bool]:
    """Answers in whose conversations the text of one of these stands; not the service's own fixed sentences."""
    sources = sa.exists().where(answer_sources.c.answer_id == answers.c.id)
    texts = sa.select(answers.c.text_sha256).where(
        answers.c.id.in_(ids), answers.c.status != AnswerStatus.ABSTAINED, sources.correlate(answers)
    )
    holding = sa.select(answer_turns.c.answer_id).where(answer_turns.c.sha256.in_(texts))
    return answers.c.id.in_(holding)


async def _places(
    connection: AsyncConnection, wanted: sa.Select[tuple[str, str, str, str]]
) -> dict[AnswerId, AnswerPlace]:
    rows = await connection.execute(wanted)
    return {
        AnswerId(row.id): AnswerPlace(
            id=AnswerId(row.id),
            corpus_id=CorpusId(row.corpus_id),
            key_id=None if row.key_id is None else KeyId(row.key_id),
            end_user=row.end_user,
        )
        for row in rows
    }
