"""Revisions between rows and values."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.scoping import among, visible_documents
from rag_service.catalog.tables import documents, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Revision, RevisionState
from rag_service.domain.versions import Member
from rag_service.errors import NotFound
from rag_service.reasons import ReasonCode

_NOT_OF_A_REVISION = {"document_id", "prepared_at", "was_published"}
REVISION_COLUMNS = tuple(column for column in revisions.c if column.name not in _NOT_OF_A_REVISION)


def revision_of(row: sa.Row[Any]) -> Revision:
    """Return the revision in a row that holds `document_id` and REVISION_COLUMNS."""
    names = ("document_id", *(column.name for column in REVISION_COLUMNS))
    values = {name: getattr(row, name) for name in names}
    values["state"] = RevisionState(row.state)
    values["reason"] = None if row.reason is None else ReasonCode(row.reason)
    return Revision(**values)


def values_of(revision: Revision) -> dict[str, Any]:
    """Return the columns' values of a revision."""
    names = ("document_id", *(column.name for column in REVISION_COLUMNS))
    return {name: getattr(revision, name) for name in names} | {"attributes": dict(revision.attributes)}


async def assert_visible(connection: AsyncConnection, scope: AccessScope, members: Collection[Member]) -> None:
    """Raise NotFound unless every one of the revisions exists and the scope may see its document."""
    missing = set(members)
    for batch in batches(list(members)):
        seen = sa.select(revisions.c.document_id, revisions.c.number).join(documents)
        seen = seen.where(visible_documents(scope), among(batch, revisions.c.document_id, revisions.c.number))
        rows = await connection.execute(seen)
        missing -= {Member(document_id=row.document_id, revision=row.number) for row in rows}
    for member in missing:
        raise NotFound("revision", f"{member.document_id}/{member.revision}")
