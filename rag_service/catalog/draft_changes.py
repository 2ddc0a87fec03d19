"""What a draft changes."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.database import insert_into
from rag_service.catalog.draft_rows import open_draft, read_draft
from rag_service.catalog.latest import raise_latest
from rag_service.catalog.revision_rows import REVISION_COLUMNS, revision_of
from rag_service.catalog.scoping import among, visible_documents, writable_documents
from rag_service.catalog.tables import documents, draft_changes, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DescribedChange, Draft, DraftChange
from rag_service.domain.ids import DocumentId, DraftId
from rag_service.domain.versions import Member
from rag_service.errors import NotFound


async def set_changes(
    connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, changes: Sequence[DraftChange], now: datetime
) -> None:
    """Put changes into an open draft, in place of earlier ones to the same documents."""
    draft = await open_draft(connection, scope, draft_id)
    new = insert_into(connection, draft_changes)
    put = new.on_conflict_do_update(
        index_elements=[draft_changes.c.draft_id, draft_changes.c.document_id],
        set_={"revision": new.excluded.revision, "changed_at": new.excluded.changed_at},
    )
    for batch in batches(changes):
        await _assert_in_corpus(connection, scope, draft, batch)
        await connection.execute(put, [asdict(change) | {"draft_id": draft_id, "changed_at": now} for change in batch])
        if draft.automatic:
            await raise_latest(connection, draft_id, [change.document_id for change in batch])


async def drop_change(
    connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, document_id: DocumentId
) -> None:
    """Take a change out of an open draft, or raise NotFound."""
    await open_draft(connection, scope, draft_id)
    one = sa.and_(draft_changes.c.draft_id == draft_id, draft_changes.c.document_id == document_id)
    if (await connection.execute(draft_changes.delete().where(one))).rowcount == 0:
        raise NotFound("document", document_id)


async def changes_of(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId) -> list[DraftChange]:
    """Return the changes of a draft, by document id."""
    await read_draft(connection, scope, draft_id)
    rows = await connection.execute(
        sa.select(draft_changes.c.document_id, draft_changes.c.revision)
        .where(draft_changes.c.draft_id == draft_id)
        .order_by(draft_changes.c.document_id)
    )
    return [DraftChange(document_id=row.document_id, revision=row.revision) for row in rows]


async def described_changes(
    connection: AsyncConnection, scope: AccessScope, draft_id: DraftId
) -> list[DescribedChange]:
    """Return the changes of a draft to documents that the scope may see, by key."""
    await read_draft(connection, scope, draft_id)
    rows = await connection.execute(
        sa.select(
            draft_changes.c.document_id, draft_changes.c.revision.label("becomes"), documents.c.key, *REVISION_COLUMNS
        )
        .select_from(draft_changes.join(documents).outerjoin(revisions, revision_changed_to()))
        .where(draft_changes.c.draft_id == draft_id, visible_documents(scope))
        .order_by(documents.c.key)
    )
    return [
        DescribedChange(
            change=DraftChange(document_id=row.document_id, revision=row.becomes),
            key=row.key,
            revision=None if row.becomes is None else revision_of(row),
        )
        for row in rows
    ]


def revision_changed_to() -> sa.ColumnElement[bool]:
    """Revisions that a change leads to."""
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
