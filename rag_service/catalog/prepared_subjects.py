"""What stopping and repeating its preparation means for a revision and for the draft that it was for."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.automatic_draft import automatic_draft
from rag_service.catalog.draft_changes import set_changes
from rag_service.catalog.draft_rows import read_draft
from rag_service.catalog.tables import documents, draft_changes, drafts, jobs, revisions
from rag_service.domain.access import system_scope
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import Draft, DraftChange, DraftState
from rag_service.domain.ids import DocumentId, DraftId
from rag_service.domain.jobs import Job, revision_of
from rag_service.errors import Conflict, NotFound
from rag_service.reasons import ReasonCode


async def note_draft(connection: AsyncConnection, job: Job) -> None:
    """Keep in the job which open draft its revision is for."""
    document_id, number = revision_of(job)
    for_draft = sa.select(drafts.c.id).join(draft_changes).where(_in_open_draft(document_id, number))
    noted = jobs.update().where(jobs.c.id == job.id)
    await connection.execute(noted.values(draft_id=for_draft.order_by(drafts.c.id).limit(1).scalar_subquery()))


async def take_back(connection: AsyncConnection, job: Job) -> None:
    """Let the revision of a job that is stopped fail, and take its change out of its draft."""
    document_id, number = revision_of(job)
    await note_draft(connection, job)
    pending = _one_revision(document_id, number, RevisionState.PENDING)
    await connection.execute(
        revisions.update().where(pending).values(state=RevisionState.FAILED, reason=ReasonCode.CANCELLED.value)
    )
    in_open = sa.select(drafts.c.id).where(drafts.c.state == DraftState.OPEN)
    await connection.execute(
        draft_changes.delete().where(_change_to(document_id, number), draft_changes.c.draft_id.in_(in_open))
    )


async def wish_again(connection: AsyncConnection, job: Job, now: datetime) -> None:
    """Make the revision of a job that is tried again pending, with its change in the draft it was for.

    Raises:
        NotFound: the revision is gone.
        Conflict: the document has a newer revision, or that draft is no longer open.
    """
    document_id, number = revision_of(job)
    latest = await _latest_revision(connection, document_id, number)
    if latest > number:
        raise Conflict(f"Document {document_id} has a newer revision: {latest}.")
    failed = _one_revision(document_id, number, RevisionState.FAILED)
    await connection.execute(
        revisions.update().where(failed).values(state=RevisionState.PENDING, reason=None, reason_detail=None)
    )
    there = sa.select(drafts.c.id).join(draft_changes).where(_in_open_draft(document_id, number)).limit(1)
    if (await connection.execute(there)).first() is None:
        draft = await _draft_for(connection, job, now)
        change = DraftChange(document_id=document_id, revision=number)
        await set_changes(connection, system_scope(job.tenant_id), draft.id, [change], now)


async def _latest_revision(connection: AsyncConnection, document_id: DocumentId, number: int) -> int:
    every = revisions.alias()
    newest = sa.select(sa.func.max(every.c.number)).where(every.c.document_id == document_id)
    one = sa.select(newest.scalar_subquery()).select_from(documents.join(revisions))
    made = one.where(documents.c.id == document_id, revisions.c.number == number)
    latest = (await connection.execute(made.with_for_update(of=documents))).scalar_one_or_none()
    if latest is None:
        raise NotFound("revision", f"{document_id}/{number}")
    return int(latest)


async def _draft_for(connection: AsyncConnection, job: Job, now: datetime) -> Draft:
    scope = system_scope(job.tenant_id)
    noted = (await connection.execute(sa.select(jobs.c.draft_id).where(jobs.c.id == job.id))).scalar_one()
    if noted is None or job.corpus_id is None:
        raise Conflict("No draft waits for this revision any more. Upload the file again.")
    draft = await read_draft(connection, scope, DraftId(noted))
    if draft.automatic:
        return await automatic_draft(connection, scope, job.corpus_id, now)
    if draft.state is not DraftState.OPEN:
        raise Conflict(f"Draft {draft.id} is no longer open. Upload the file again.")
    return draft


def _change_to(document_id: DocumentId, number: int) -> sa.ColumnElement[bool]:
    return sa.and_(draft_changes.c.document_id == document_id, draft_changes.c.revision == number)


def _in_open_draft(document_id: DocumentId, number: int) -> sa.ColumnElement[bool]:
    return sa.and_(_change_to(document_id, number), drafts.c.state == DraftState.OPEN)


def _one_revision(document_id: DocumentId, number: int, state: RevisionState) -> sa.ColumnElement[bool]:
    return sa.and_(revisions.c.document_id == document_id, revisions.c.number == number, revisions.c.state == state)
