"""Which automatic drafts should seal now."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.draft_changes import revision_changed_to
from rag_service.catalog.draft_rows import draft_of
from rag_service.catalog.tables import OPEN_AUTOMATIC, OPEN_JOBS, draft_changes, drafts, jobs, revisions
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.jobs import JobKind


async def due_drafts(connection: AsyncConnection, now: datetime, patience: timedelta) -> list[Draft]:
    """Return the open automatic drafts of all tenants that should seal now, oldest first."""
    changes = _readiness()
    first_ready = sa.func.min(changes.c.ready_at)
    due = (
        sa.select(drafts)
        .join(changes, changes.c.draft_id == drafts.c.id)
        .where(OPEN_AUTOMATIC, ~_must_wait(), ~_has_a_job())
        .group_by(*drafts.c)
        # Without a ready change `first_ready` is NULL and nothing is due.
        .having(
            first_ready.is_not(None),
            sa.or_(sa.func.sum(changes.c.pending) == 0, first_ready <= now - patience),
        )
        .order_by(drafts.c.created_at, drafts.c.id)
    )
    return [draft_of(row) for row in await connection.execute(due)]


def _must_wait() -> sa.ColumnElement[bool]:
    other = drafts.alias()
    return sa.exists().where(
        other.c.corpus_id == drafts.c.corpus_id,
        sa.or_(
            other.c.state.in_([DraftState.SEALING, DraftState.UNSEALING]),
            # A sealed preview makes room for what is published by itself.
            sa.and_(other.c.state == DraftState.SEALED, other.c.purpose == SealPurpose.PUBLISH),
        ),
    )


def _has_a_job() -> sa.ColumnElement[bool]:
    return sa.exists().where(OPEN_JOBS, jobs.c.kind == JobKind.SEAL_DRAFT, jobs.c.subject == drafts.c.id)


def _readiness() -> sa.Subquery:
    """Each change of a draft with the moment since when it is ready, and whether it is still being prepared."""
    later = sa.case(
        (revisions.c.prepared_at > draft_changes.c.changed_at, revisions.c.prepared_at),
        else_=draft_changes.c.changed_at,
    )
    ready_at = sa.case(
        (draft_changes.c.revision.is_(None), draft_changes.c.changed_at),
        (revisions.c.state == RevisionState.PREPARED, later),
    )
    pending = sa.case((revisions.c.state == RevisionState.PENDING, 1), else_=0)
    return (
        sa.select(draft_changes.c.draft_id, ready_at.label("ready_at"), pending.label("pending"))
        .select_from(draft_changes.outerjoin(revisions, revision_changed_to()))
        .subquery()
    )
