"""Looking for what was erased, by id, in every table that could have it."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.erasing.evaluations import accepted_by
from rag_service.catalog.erasing.places import CORPUS_TABLES, DOCUMENT_TABLES, buried
from rag_service.catalog.erasing.vectors import count_unused_vectors
from rag_service.catalog.tables import (
    answer_turns,
    answers,
    chunks,
    corpora,
    feedback,
    files,
    gate_acceptances,
    golden_questions,
    idempotent_replies,
    live_scores,
)
from rag_service.domain.erasures import Erasure, ErasureKind, TombstoneKind

Conditions = dict[sa.Table, sa.ColumnElement[bool]]


async def probe(connection: AsyncConnection, erasure: Erasure) -> dict[str, int]:
    """Return how many rows of what was erased there are, by table."""
    found = {table.name: await _count(connection, table, where) for table, where in _conditions(erasure).items()}
    if erasure.kind is not ErasureKind.PERSON:
        found["kept_vectors"] = await count_unused_vectors(connection, erasure.tenant_id, erasure.plan.vectors)
        found["chunks"] += await _count_chunks(connection, erasure)
    return found


def _conditions(erasure: Erasure) -> Conditions:
    gone_answers = buried(erasure.tenant_id, erasure.id, TombstoneKind.ANSWER)
    of_answers: dict[sa.Table, sa.ColumnElement[bool]] = {
        answers: answers.c.id.in_(gone_answers),
        answer_turns: answer_turns.c.answer_id.in_(gone_answers),
        feedback: feedback.c.answer_id.in_(gone_answers),
        live_scores: live_scores.c.answer_id.in_(gone_answers),
        golden_questions: sa.and_(
            golden_questions.c.tenant_id == erasure.tenant_id, golden_questions.c.origin_ref.in_(gone_answers)
        ),
    }
    match erasure.kind:
        case ErasureKind.DOCUMENT:
            return of_answers | _of_documents(erasure)
        case ErasureKind.CORPUS:
            of_corpus = _of_corpus(erasure.subject["corpus_id"])
            # What was imported into another corpus has words of this one's answers as well.
            both = sa.or_(of_answers[golden_questions], of_corpus[golden_questions])
            return of_answers | _of_documents(erasure) | of_corpus | {golden_questions: both}
        case ErasureKind.PERSON:
            return of_answers | _of_person(erasure)


def _of_documents(erasure: Erasure) -> Conditions:
    gone = buried(erasure.tenant_id, erasure.id, TombstoneKind.DOCUMENT)
    gone_files = buried(erasure.tenant_id, erasure.id, TombstoneKind.FILE)
    return {table: column.in_(gone) for table, column in DOCUMENT_TABLES} | {files: files.c.id.in_(gone_files)}


def _of_corpus(corpus_id: str) -> Conditions:
    return {table: table.c.corpus_id == corpus_id for table in CORPUS_TABLES} | {corpora: corpora.c.id == corpus_id}


def _of_person(erasure: Erasure) -> Conditions:
    end_user = erasure.subject["end_user"]
    given = sa.and_(answers.c.end_user == end_user, answers.c.created_at <= erasure.created_at)
    asked = sa.and_(idempotent_replies.c.end_user == end_user, idempotent_replies.c.created_at <= erasure.created_at)
    theirs = sa.and_(feedback.c.end_user == end_user, feedback.c.created_at <= erasure.created_at)
    gone = buried(erasure.tenant_id, erasure.id, TombstoneKind.ANSWER)
    return {
        answers: sa.or_(answers.c.id.in_(gone), sa.and_(answers.c.tenant_id == erasure.tenant_id, given)),
        feedback: sa.or_(feedback.c.answer_id.in_(gone), theirs),
        idempotent_replies: sa.and_(idempotent_replies.c.tenant_id == erasure.tenant_id, asked),
        gate_acceptances: sa.and_(
            accepted_by(erasure.tenant_id, end_user), gate_acceptances.c.created_at <= erasure.created_at
        ),
    }


async def _count(connection: AsyncConnection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return int((await connection.execute(sa.select(sa.func.count()).select_from(table).where(where))).scalar_one())


async def _count_chunks(connection: AsyncConnection, erasure: Erasure) -> int:
    ids = [chunk_id for erased in erasure.plan.chunks for chunk_id in erased.chunk_ids]
    return sum([await _count(connection, chunks, chunks.c.id.in_(batch)) for batch in batches(ids)])
