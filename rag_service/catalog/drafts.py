"""Drafts and their changes, up to the moment when they are due."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.database import insert_into
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora, among, writable_documents
from rag_service.catalog.tables import OPEN_AUTOMATIC, corpora, documents, draft_changes, drafts, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import Draft, DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import CorpusId, DraftId, new_id
from rag_service.domain.versions import Member
from rag_service.errors import Conflict, NotFound

_DRAFT = tuple(drafts.c)


async def automatic_draft(connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> Draft:
    """Return the open automatic draft of a corpus, made when there is none."""
    open_one = sa.select(*_DRAFT).where(drafts.c.corpus_id == corpus_id, OPEN_AUTOMATIC)
    allowed = sa.exists().where(allowed_corpora(scope), corpora.c.id == drafts.c.corpus_id)
    found = (await connection.execute(open_one.where(allowed))).first()
    if found is not None:
        return draft_of(found)
    corpus = sa.select(corpora.c.id).where(allowed_corpora(scope), corpora.c.id == corpus_id)
    if (await connection.execute(corpus)).first() is None:
        raise NotFound("corpus", corpus_id)
    new = insert_into(connection, drafts).values(
        id=new_id("draft_"),
        tenant_id=scope.tenant_id,
        corpus_id=corpus_id,
        automatic=True,
        state=DraftState.OPEN,
        created_at=now,
    )
    # The unique index decides between two that add at once; the loser reads what the winner committed.
    await connection.execute(new.on_conflict_do_nothing())
    return draft_of((await connection.execute(open_one)).one())


async def read_draft(
    connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, *, lock: bool = False
) -> Draft:
    """Return a draft, or raise NotFound. With `lock` nobody else changes it before the transaction ends."""
    one = sa.select(*_DRAFT).join_from(drafts, corpora).where(allowed_corpora(scope), drafts.c.id == draft_id)
    row = (await connection.execute(one.with_for_update(of=drafts) if lock else one)).first()
    if row is None:
        raise NotFound("draft", draft_id)
    return draft_of(row)


async def set_changes(
    connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, changes: Sequence[DraftChange], now: datetime
) -> None:
    """Put changes into an open draft, in place of earlier ones to the same documents."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state is not DraftState.OPEN:
        raise Conflict(f"Draft {draft_id} is no longer open.")
    new = insert_into(connection, draft_changes)
    put = new.on_conflict_do_update(
        index_elements=[draft_changes.c.draft_id, draft_changes.c.document_id],
        set_={"revision": new.excluded.revision, "changed_at": new.excluded.changed_at},
    )
    for batch in batches(changes):
        await _assert_in_corpus(connection, scope, draft, batch)
        await connection.execute(put, [asdict(change) | {"draft_id": draft_id, "changed_at": now} for change in batch])


async def changes_of(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId) -> list[DraftChange]:
    """Return the changes of a draft, by document id."""
    await read_draft(connection, scope, draft_id)
    rows = await connection.execute(
        sa.select(draft_changes.c.document_id, draft_changes.c.revision)
        .where(draft_changes.c.draft_id == draft_id)
        .order_by(draft_changes.c.document_id)
    )
    return [DraftChange(document_id=row.document_id, revision=row.revision) for row in rows]


async def due_drafts(connection: AsyncConnection, now: datetime, patience: timedelta) -> list[Draft]:
    """Return the open automatic drafts of all tenants that should seal now, oldest first."""
    changes = _readiness()
    first_ready = sa.func.min(changes.c.ready_at)
    other = drafts.alias()
    sealing = sa.exists().where(other.c.corpus_id == drafts.c.corpus_id, other.c.state == DraftState.SEALING)
    due = (
        sa.select(*_DRAFT)
        .join(changes, changes.c.draft_id == drafts.c.id)
        .where(OPEN_AUTOMATIC, ~sealing)
        .group_by(*_DRAFT)
        # Without a ready change `first_ready` is NULL and nothing is due.
        .having(
            first_ready.is_not(None),
            sa.or_(sa.func.sum(changes.c.pending) == 0, first_ready <= now - patience),
        )
        .order_by(drafts.c.created_at, drafts.c.id)
    )
    return [draft_of(row) for row in await connection.execute(due)]


def draft_of(row: sa.Row[Any]) -> Draft:
    """Return the draft in a row."""
    values = columns_of(row)  # the columns are the fields
    values["state"] = DraftState(row.state)
    values["purpose"] = None if row.purpose is None else SealPurpose(row.purpose)
    return Draft(**values)


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
        .select_from(draft_changes.outerjoin(revisions, _revision_changed_to()))
        .subquery()
    )


def _revision_changed_to() -> sa.ColumnElement[bool]:
    return sa.and_(
        revisions.c.document_id == draft_changes.c.document_id, revisions.c.number == draft_changes.c.revision
    )


async def _assert_in_corpus(
    connection: AsyncConnection, scope: AccessScope, draft: Draft, changes: Sequence[DraftChange]
) -> None:
    mine = sa.and_(writable_documents(scope), documents.c.corpus_id == draft.corpus_id)
    members = [
        Member(document_id=one.document_id, revision=one.revision) for one in changes if one.revision is not None
    ]
    deleted = [one.document_id for one in changes if one.revision is None]
    missing = set(changes)
    if members:
        kept = sa.select(revisions.c.document_id, revisions.c.number).join(documents)
        wanted = kept.where(mine, among(members, revisions.c.document_id, revisions.c.number))
        rows = await connection.execute(wanted)
        missing -= {DraftChange(document_id=row.document_id, revision=row.number) for row in rows}
    if deleted:
        there = await connection.execute(sa.select(documents.c.id).where(mine, documents.c.id.in_(deleted)))
        missing -= {DraftChange(document_id=row.id, revision=None) for row in there}
    for change in missing:
        raise NotFound("document", change.document_id)
