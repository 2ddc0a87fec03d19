"""Taking a document or a corpus away from everybody, before anything of it is removed."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.erasing.places import jobs_of_document
from rag_service.catalog.erasing.sources import forget_in_sources
from rag_service.catalog.tables import OPEN_JOBS, corpora, document_principals, documents, draft_changes, drafts, jobs
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import CorpusId, DocumentId
from rag_service.domain.jobs import JobState
from rag_service.reasons import ReasonCode


async def hide_document(connection: AsyncConnection, document_id: DocumentId, name: str, now: datetime) -> bool:
    """Leave nobody a way to a document; see the port."""
    await forget_in_sources(connection, document_id)
    # The key is the person's own words, and free again for another document.
    await connection.execute(documents.update().where(documents.c.id == document_id).values(key=name))
    await connection.execute(document_principals.delete().where(document_principals.c.document_id == document_id))
    await connection.execute(
        draft_changes.delete().where(draft_changes.c.document_id == document_id, draft_changes.c.draft_id.in_(_open()))
    )
    return await _cancel(connection, jobs_of_document(document_id), now)


async def hide_corpus(connection: AsyncConnection, corpus_id: CorpusId, now: datetime) -> bool:
    """Leave nobody a way to a corpus; see the port."""
    await hold_jobs(connection, jobs.c.corpus_id == corpus_id)
    await connection.execute(corpora.update().where(corpora.c.id == corpus_id).values(name=corpus_id))
    of_corpus = _open().where(drafts.c.corpus_id == corpus_id)
    await connection.execute(draft_changes.delete().where(draft_changes.c.draft_id.in_(of_corpus)))
    return await _cancel(connection, jobs.c.corpus_id == corpus_id, now)


async def hold_jobs(connection: AsyncConnection, of: sa.ColumnElement[bool]) -> None:
    """Lock open jobs before what they are about, as workers do: in another order the two could wait for each other."""
    in_order = sa.select(jobs.c.id).where(OPEN_JOBS, of).order_by(jobs.c.whole_id.is_(None), jobs.c.sequence)
    await connection.execute(in_order.with_for_update())


def _open() -> sa.Select[tuple[str]]:
    return sa.select(drafts.c.id).where(drafts.c.state == DraftState.OPEN)


async def _cancel(connection: AsyncConnection, of: sa.ColumnElement[bool], now: datetime) -> bool:
    """Cancel open jobs; return whether one of them was running: its worker notices at its next heartbeat."""
    running = sa.select(jobs.c.id).where(OPEN_JOBS, of, jobs.c.state == JobState.RUNNING).limit(1)
    had_worker = (await connection.execute(running)).first() is not None
    over = {
        "state": JobState.CANCELLED,
        "reason": ReasonCode.CANCELLED.value,
        "detail": None,
        "lease_until": None,
        "finished_at": now,
    }
    stopped = jobs.update().where(OPEN_JOBS, of)
    await connection.execute(stopped.values(fence=jobs.c.fence + 1, changes=jobs.c.changes + 1, **over))
    return had_worker
