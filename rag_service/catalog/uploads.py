"""Uploads, one or many: their files, documents, revisions and jobs, in a few statements for all."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.documents import granted_principals
from rag_service.catalog.job_rows import add_jobs
from rag_service.catalog.newest import BEING_SEALED, COMPLETED, REMOVAL_PENDING
from rag_service.catalog.revision_rows import REVISION_COLUMNS, revision_of, values_of
from rag_service.catalog.scoping import allowed_corpora, visible_documents, writable_documents
from rag_service.catalog.tables import corpora, document_principals, documents, files, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Document, StoredFile
from rag_service.domain.ids import CorpusId, DocumentId
from rag_service.domain.uploads import KnownUpload, NewUpload
from rag_service.errors import NotFound


class SqlUploads:
    """Implements `ports.catalog.Uploads`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def known(self, scope: AccessScope, corpus_id: CorpusId, keys: Sequence[str]) -> dict[str, KnownUpload]:
        rows = [
            row for batch in batches(keys) for row in await self._connection.execute(_known(scope, corpus_id, batch))
        ]
        principals = await granted_principals(self._connection, scope, [row.document_id for row in rows])
        return {row.key: _known_of(row, scope, corpus_id, principals[row.document_id]) for row in rows}

    async def add(self, scope: AccessScope, corpus_id: CorpusId, uploads: Sequence[NewUpload]) -> None:
        corpus = sa.select(corpora.c.id).where(allowed_corpora(scope), corpora.c.id == corpus_id)
        if (await self._connection.execute(corpus)).first() is None:
            raise NotFound("corpus", corpus_id)
        for batch in batches(uploads):
            new = [upload for upload in batch if upload.is_new_document]
            await self._insert(files, [_file_row(scope, upload.file) for upload in batch if upload.is_new_file])
            await self._insert(documents, [_document_row(scope, corpus_id, upload) for upload in new])
            await self._insert(document_principals, [row for upload in new for row in _principal_rows(upload.document)])
            await self._assert_in_corpus(scope, corpus_id, [u.document.id for u in batch if not u.is_new_document])
            await self._insert(revisions, [values_of(upload.revision) for upload in batch])
            await add_jobs(self._connection, [upload.job for upload in batch])

    async def _insert(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            await self._connection.execute(table.insert(), rows)

    async def _assert_in_corpus(
        self, scope: AccessScope, corpus_id: CorpusId, document_ids: Sequence[DocumentId]
    ) -> None:
        if not document_ids:
            return
        there = sa.select(documents.c.id).where(
            writable_documents(scope), documents.c.corpus_id == corpus_id, documents.c.id.in_(document_ids)
        )
        for missing in set(document_ids) - set((await self._connection.execute(there)).scalars()):
            raise NotFound("document", missing)


def _known(scope: AccessScope, corpus_id: CorpusId, keys: Sequence[str]) -> sa.Select[Any]:
    every = revisions.alias()
    number = sa.select(sa.func.max(every.c.number)).where(every.c.document_id == documents.c.id)
    newest = sa.and_(revisions.c.document_id == documents.c.id, revisions.c.number == number.scalar_subquery())
    return (
        sa.select(
            revisions.c.document_id,
            *REVISION_COLUMNS,
            documents.c.key,
            documents.c.created_at.label("document_created_at"),
            COMPLETED.label("is_published"),
            BEING_SEALED.label("is_being_sealed"),
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
        is_settled=bool(row.is_published or row.is_being_sealed) and not row.removal_pending,
    )


def _file_row(scope: AccessScope, file: StoredFile) -> dict[str, Any]:
    return asdict(file) | {"tenant_id": scope.tenant_id}


def _document_row(scope: AccessScope, corpus_id: CorpusId, upload: NewUpload) -> dict[str, Any]:
    return {
        "id": upload.document.id,
        "tenant_id": scope.tenant_id,
        "corpus_id": corpus_id,
        "key": upload.document.key,
        "created_at": upload.document.created_at,
    }


def _principal_rows(document: Document) -> list[dict[str, Any]]:
    return [{"document_id": document.id, "principal": principal} for principal in sorted(document.principals)]
