"""From a sealed version back to an open draft."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.build_rows import take_back_build
from rag_service.catalog.database import insert_into
from rag_service.catalog.draft_rows import draft_of, read_draft, update_draft
from rag_service.catalog.membership_rows import undo_memberships
from rag_service.catalog.tables import OPEN_AUTOMATIC, draft_changes, drafts, versions
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.ids import CorpusId, DraftId
from rag_service.errors import Conflict

_UNSEALABLE = {DraftState.SEALING, DraftState.SEALED, DraftState.UNSEALING}


async def start(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId) -> Draft:
    """Make a sealing or sealed draft unsealing, so that nobody can ask it."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state not in _UNSEALABLE:
        raise Conflict(f"Draft {draft_id} is not sealed, but {draft.state}.")
    await update_draft(connection, draft_id, state=DraftState.UNSEALING)
    return await read_draft(connection, scope, draft_id)


async def finish(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId) -> Draft:
    """Undo what the draft's version wrote and open the draft again. Safe to repeat."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state is DraftState.OPEN:
        return draft
    if draft.state is not DraftState.UNSEALING or draft.number is None:
        raise Conflict(f"Draft {draft_id} is not being unsealed, but {draft.state}.")
    await undo_memberships(connection, draft.corpus_id, draft.number)
    mine = sa.and_(versions.c.corpus_id == draft.corpus_id, versions.c.number == draft.number)
    await connection.execute(versions.delete().where(mine))
    await take_back_build(connection, draft.corpus_id, draft.fingerprint)
    if draft.automatic:
        await _take_over(connection, draft.corpus_id, draft_id)
    await update_draft(connection, draft_id, state=DraftState.OPEN, number=None, sealed_against=None, fingerprint=None)
    return await read_draft(connection, scope, draft_id)


async def _take_over(connection: AsyncConnection, corpus_id: CorpusId, draft_id: DraftId) -> None:
    """Move the changes of the automatic draft that was opened meanwhile: there is one open one in a corpus."""
    open_one = drafts.select().where(drafts.c.corpus_id == corpus_id, OPEN_AUTOMATIC).with_for_update()
    row = (await connection.execute(open_one)).first()
    if row is None:
        return
    other = draft_of(row)
    newer = draft_changes.c.draft_id == other.id
    # WHERE: SQLite cannot read ON CONFLICT after a SELECT without one.
    moved = sa.select(
        sa.literal(draft_id), draft_changes.c.document_id, draft_changes.c.revision, draft_changes.c.changed_at
    ).where(newer)
    new = insert_into(connection, draft_changes).from_select([column.name for column in draft_changes.c], moved)
    await connection.execute(
        new.on_conflict_do_update(
            index_elements=[draft_changes.c.draft_id, draft_changes.c.document_id],
            set_={"revision": new.excluded.revision, "changed_at": new.excluded.changed_at},
        )
    )
    await connection.execute(draft_changes.delete().where(newer))
    await update_draft(connection, other.id, state=DraftState.DISCARDED)
