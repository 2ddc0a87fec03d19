"""Drafts between rows and values."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora
from rag_service.catalog.tables import SEALED, corpora, drafts
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.ids import CorpusId, DraftId
from rag_service.errors import Conflict, NotFound


def draft_of(row: sa.Row[Any]) -> Draft:
    """Return the draft in a row that holds the columns of the table."""
    values = columns_of(row)  # the columns are the fields
    values["state"] = DraftState(row.state)
    values["purpose"] = None if row.purpose is None else SealPurpose(row.purpose)
    return Draft(**values)


async def read_draft(
    connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, *, lock: bool = False
) -> Draft:
    """Return a draft, or raise NotFound. With `lock` nobody else changes it before the transaction ends."""
    one = sa.select(drafts).join(corpora).where(allowed_corpora(scope), drafts.c.id == draft_id)
    row = (await connection.execute(one.with_for_update(of=drafts) if lock else one)).first()
    if row is None:
        raise NotFound("draft", draft_id)
    return draft_of(row)


async def open_draft(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId) -> Draft:
    """Return a draft that nobody else changes before the transaction ends; Conflict unless it is open."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state is not DraftState.OPEN:
        raise Conflict(f"Draft {draft_id} is not open, but {draft.state}.")
    return draft


async def draft_in_slot(connection: AsyncConnection, corpus_id: CorpusId) -> Draft | None:
    """Return the draft that holds the seal slot of a corpus, if there is one."""
    row = (await connection.execute(drafts.select().where(drafts.c.corpus_id == corpus_id, SEALED))).first()
    return None if row is None else draft_of(row)


async def update_draft(connection: AsyncConnection, draft_id: DraftId, **values: Any) -> None:
    """Set columns of a draft."""
    await connection.execute(drafts.update().where(drafts.c.id == draft_id).values(values))
