"""What documents keep about their revisions, for long lists of files: which is the newest outside held drafts."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.tables import documents, draft_changes, revisions
from rag_service.domain.ids import DocumentId, DraftId


async def raise_latest(
    connection: AsyncConnection, draft_id: DraftId, document_ids: Sequence[DocumentId] | None = None
) -> None:
    """Note the revisions that a draft brings, of all its documents or of some, where they are newer."""
    changed = sa.select(draft_changes.c.document_id).where(
        draft_changes.c.draft_id == draft_id, draft_changes.c.revision.is_not(None)
    )
    number = _revision_in(draft_id)
    raised = documents.update().where(
        documents.c.id.in_(changed if document_ids is None else document_ids), documents.c.latest_revision < number
    )
    created_at = sa.select(revisions.c.created_at).where(
        revisions.c.document_id == documents.c.id, revisions.c.number == number
    )
    await connection.execute(raised.values(latest_revision=number, latest_at=created_at.scalar_subquery()))


async def note_withdrawals(connection: AsyncConnection, draft_id: DraftId) -> None:
    """Note on the documents that a draft deletes which revision was the newest by then."""
    deleted = sa.select(draft_changes.c.document_id).where(
        draft_changes.c.draft_id == draft_id, draft_changes.c.revision.is_(None)
    )
    withdrawn = documents.update().where(documents.c.id.in_(deleted))
    await connection.execute(withdrawn.values(withdrawn_revision=documents.c.latest_revision))


def _revision_in(draft_id: DraftId) -> sa.ScalarSelect[int]:
    change = sa.select(draft_changes.c.revision).where(
        draft_changes.c.draft_id == draft_id, draft_changes.c.document_id == documents.c.id
    )
    return change.correlate(documents).scalar_subquery()
