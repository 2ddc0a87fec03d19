"""Many small documents at once: the rows that single uploads write, in a few statements."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog import drafts
from rag_service.catalog.batches import batches
from rag_service.catalog.database import insert_into
from rag_service.catalog.documents import granted_principals
from rag_service.catalog.newest import COMPLETED, REMOVAL_PENDING
from rag_service.catalog.revision_rows import REVISION_COLUMNS, revision_of, values_of
from rag_service.catalog.scoping import visible_documents
from rag_service.catalog.tables import corpora, document_principals, documents, draft_changes, files, jobs, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Document
from rag_service.domain.ids import CorpusId, DocumentId, DraftId
from rag_service.domain.uploads import KnownUpload, NewUpload
from rag_service.domain.versions import Member


class SqlImports:
    """Implements `ports.catalog.Imports`."""

    def __init__(self, connection: AsyncConnection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock

    async def known(self, scope: AccessScope, corpus_id: CorpusId, keys: Sequence[str]) -> dict[str, KnownUpload]:
        rows = [
            row for batch in batches(keys) for row in await self._connection.execute(_known(scope, corpus_id, batch))
        ]
        principals = await granted_principals(self._connection, scope, [row.document_id for row in rows])
        return {row.key: _known_of(row, scope, corpus_id, principals[row.document_id]) for row in rows}

    async def add(self, scope: AccessScope, draft_id: DraftId, uploads: Sequence[NewUpload]) -> None:
        for batch in batches(uploads):
            new = [upload for upload in batch if upload.is_new_document]
            await self._insert(files, [asdict(upload.file) for upload in batch])
            await self._insert(documents, [_document_row(scope, upload) for upload in new])
            await self._insert(document_principals, [row for upload in new for row in _principal_rows(upload.document)])
            await self._raise_latest([upload for upload in batch if not upload.is_new_document])
            await self._insert(revisions, [values_of(upload.revision) for upload in batch])
            await self._insert(jobs, [asdict(upload.job) for upload in batch])
        members = [Member(document_id=u.revision.document_id, revision=u.revision.number) for u in uploads]
        await self.keep(scope, draft_id, members)

    async def keep(self, scope: AccessScope, draft_id: DraftId, members: Sequence[Member]) -> None:
        await drafts.assert_open(self._connection, scope, draft_id)
        new = insert_into(self._connection, draft_changes)
        put = new.on_conflict_do_update(
            index_elements=[draft_changes.c.draft_id, draft_changes.c.document_id],
            set_={"revision": new.excluded.revision, "changed_at": new.excluded.changed_at},
        )
        now = self._clock()
        for batch in batches(members):
            changes = [
                {
                    "draft_id": draft_id,
                    "document_id": member.document_id,
                    "revision": member.revision,
                    "changed_at": now,
                }
                for member in batch
            ]
            await self._connection.execute(put, changes)

    async def _insert(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            await self._connection.execute(table.insert(), rows)

    async def _raise_latest(self, uploads: Sequence[NewUpload]) -> None:
        if not uploads:
            return
        raised = documents.update().where(documents.c.id == sa.bindparam("of_document"))
        await self._connection.execute(
            raised.values(latest_revision=sa.bindparam("number"), latest_at=sa.bindparam("at")),
            [{"of_document": u.document.id, "number": u.revision.number, "at": u.revision.created_at} for u in uploads],
        )


def _known(scope: AccessScope, corpus_id: CorpusId, keys: Sequence[str]) -> sa.Select[Any]:
    newest = sa.and_(revisions.c.document_id == documents.c.id, revisions.c.number == documents.c.latest_revision)
    return (
        sa.select(
            revisions.c.document_id,
            *REVISION_COLUMNS,
            documents.c.key,
            documents.c.created_at.label("document_created_at"),
            COMPLETED.label("is_published"),
            REMOVAL_PENDING.label("removal_pending"),
        )
        .select_from(documents)
        .join(corpora, corpora.c.id == documents.c.corpus_id)
        .join(revisions, newest)
        .where(visible_documents(scope), documents.c.corpus_id == corpus_id, documents.c.key.in_(keys))
    )


def _known_of(row: sa.Row[Any], scope: AccessScope, corpus_id: CorpusId, principals: frozenset[str]) -> KnownUpload:
    document = Document(
        id=DocumentId(row.document_id),
        tenant_id=scope.tenant_id,
        corpus_id=corpus_id,
        key=row.key,
        principals=principals,
        created_at=row.document_created_at,
    )
    return KnownUpload(
        document=document,
        latest=revision_of(row),
        is_published=bool(row.is_published),
        is_settled=bool(row.is_published) and not row.removal_pending,
    )


def _document_row(scope: AccessScope, upload: NewUpload) -> dict[str, Any]:
    return {
        "id": upload.document.id,
        "tenant_id": scope.tenant_id,
        "corpus_id": upload.document.corpus_id,
        "key": upload.document.key,
        "created_at": upload.document.created_at,
        "latest_revision": upload.revision.number,
        "latest_at": upload.revision.created_at,
    }


def _principal_rows(document: Document) -> list[dict[str, Any]]:
    return [{"document_id": document.id, "principal": principal} for principal in sorted(document.principals)]
