"""What keeps a held draft from being sealed, in words that name the documents."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.draft_changes import changes_of, revision_changed_to
from rag_service.catalog.membership_rows import revisions_at
from rag_service.catalog.scoping import visible_documents
from rag_service.catalog.tables import documents, draft_changes, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import Draft, conflicts
from rag_service.domain.ids import DocumentId, DraftId
from rag_service.errors import Conflict

_NAMED = 10


async def assert_sealable(connection: AsyncConnection, scope: AccessScope, draft: Draft, *, published: int) -> None:
    """Raise Conflict unless a held draft is complete and its documents are still what they were at its base."""
    failed = await _in_state(connection, draft.id, RevisionState.FAILED)
    if failed:
        names = await _names(connection, scope, failed)
        raise Conflict(f"Could not be read: {names}. Upload them anew, or take these changes out of the draft.")
    pending = await _in_state(connection, draft.id, RevisionState.PENDING)
    if pending:
        raise Conflict(f"Still being prepared: {await _names(connection, scope, pending)}. Try again in a while.")
    overtaken = await _overtaken(connection, scope, draft, published)
    if overtaken:
        names = await _names(connection, scope, overtaken)
        raise Conflict(f"Changed by others since this draft was opened: {names}. Take these changes out of the draft.")


async def _in_state(connection: AsyncConnection, draft_id: DraftId, state: RevisionState) -> Sequence[DocumentId]:
    changed = sa.select(draft_changes.c.document_id).join(revisions, revision_changed_to())
    wanted = changed.where(draft_changes.c.draft_id == draft_id, revisions.c.state == state)
    return (await connection.execute(wanted)).scalars().all()


async def _overtaken(
    connection: AsyncConnection, scope: AccessScope, draft: Draft, published: int
) -> Sequence[DocumentId]:
    if draft.base == published:
        return []
    changes = await changes_of(connection, scope, draft.id)
    changed = [change.document_id for change in changes]
    base = await revisions_at(connection, draft.corpus_id, draft.base, changed)
    return conflicts(changes, base, await revisions_at(connection, draft.corpus_id, published, changed))


async def _names(connection: AsyncConnection, scope: AccessScope, document_ids: Sequence[DocumentId]) -> str:
    """Return the keys of the documents, as far as the scope may see them and they are not too many."""
    keys: list[str] = []
    for batch in batches(document_ids):
        seen = sa.select(documents.c.key).where(visible_documents(scope), documents.c.id.in_(batch))
        keys += (await connection.execute(seen)).scalars()
    shown = sorted(keys)[:_NAMED]
    others = len(document_ids) - len(shown)
    return ", ".join([*shown, f"{others} more"] if others else shown)
