"""Documents and their revisions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.attribute_filters import passes
from rag_service.catalog.batches import batches
from rag_service.catalog.newest import COMPLETED, FAILED, IN_PROGRESS, live_revisions, newest_revisions
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.parsed_texts import read_parsed, write_parsed
from rag_service.catalog.revision_rows import REVISION_COLUMNS, assert_visible, revision_of
from rag_service.catalog.scoping import among, is_storable, visible_documents
from rag_service.catalog.tables import corpora, document_principals, documents, memberships, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Document, ParsedDocument, PreparedRevision, Revision, RevisionState
from rag_service.domain.filters import Filter
from rag_service.domain.fingerprints import parsed_with_ocr
from rag_service.domain.ids import CorpusId, DocumentId, FileId
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.spans import sha256_of
from rag_service.domain.versions import Member
from rag_service.errors import InvalidRequest, NotFound
from rag_service.reasons import ReasonCode

_STATUSES = {"in_progress": IN_PROGRESS, "completed": COMPLETED, "failed": FAILED}
_DOCUMENT = (
    documents.c.id,
    documents.c.tenant_id,
    documents.c.corpus_id,
    documents.c.key,
    documents.c.created_at,
    document_principals.c.principal,
)
_REVISION = (revisions.c.document_id, *REVISION_COLUMNS)


class SqlDocuments:
    """Implements `ports.catalog.Documents`."""

    def __init__(self, connection: AsyncConnection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock

    async def get(self, scope: AccessScope, document_id: DocumentId) -> Document:
        found = sa.select(*_DOCUMENT).outerjoin_from(documents, document_principals)
        one = found.where(visible_documents(scope), documents.c.id == document_id)
        rows = (await self._connection.execute(one)).all()
        if not rows:
            raise NotFound("document", document_id)
        return _document_of(rows)

    async def grant(self, scope: AccessScope, document_id: DocumentId, principals: frozenset[str]) -> None:
        # The lock keeps two grants from mixing their principals.
        one = sa.select(documents.c.id).where(visible_documents(scope), documents.c.id == document_id).with_for_update()
        if (await self._connection.execute(one)).first() is None:
            raise NotFound("document", document_id)
        await self._connection.execute(
            document_principals.delete().where(document_principals.c.document_id == document_id)
        )
        await self._grant(document_id, principals)

    async def principals(
        self, scope: AccessScope, document_ids: Sequence[DocumentId]
    ) -> dict[DocumentId, frozenset[str]]:
        return await granted_principals(self._connection, scope, document_ids)

    async def revision(self, scope: AccessScope, document_id: DocumentId, number: int) -> Revision:
        row = None
        if is_storable(number):
            one = _revisions(scope).where(revisions.c.document_id == document_id, revisions.c.number == number)
            row = (await self._connection.execute(one)).first()
        if row is None:
            raise NotFound("revision", f"{document_id}/{number}")
        return revision_of(row)

    async def revisions(self, scope: AccessScope, members: Sequence[Member]) -> dict[Member, Revision]:
        found = {}
        for batch in batches(members):
            wanted = _revisions(scope).where(among(batch, revisions.c.document_id, revisions.c.number))
            for row in await self._connection.execute(wanted):
                found[Member(document_id=row.document_id, revision=row.number)] = revision_of(row)
        return found

    async def matching(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, wanted: Filter, *, limit: int | None = None
    ) -> frozenset[DocumentId]:
        if not is_storable(version):
            return frozenset()
        there = _members_at(corpus_id, version).where(visible_documents(scope), passes(wanted, self._connection))
        return frozenset((await self._connection.execute(there.limit(limit))).scalars())

    async def by_file(self, scope: AccessScope, corpus_id: CorpusId, file_id: FileId) -> Revision:
        made = live_revisions(*_REVISION).where(
            visible_documents(scope), corpora.c.id == corpus_id, revisions.c.file_id == file_id
        )
        newest_first = made.order_by(revisions.c.created_at.desc(), revisions.c.number.desc()).limit(1)
        row = (await self._connection.execute(newest_first)).first()
        if row is None:
            raise NotFound("file", file_id)
        return revision_of(row)

    async def list_revisions(
        self, scope: AccessScope, corpus_id: CorpusId, page: PageRequest, *, status: str | None = None
    ) -> Page[Revision]:
        listed = newest_revisions(*_REVISION).where(visible_documents(scope), documents.c.corpus_id == corpus_id)
        if status is not None:
            if status not in _STATUSES:
                raise InvalidRequest(f"{status} is none of {', '.join(_STATUSES)}.", param="filter")
            listed = listed.where(_STATUSES[status])
        position = (documents.c.latest_at, documents.c.id)
        places = (
            sa.select(*position).join(revisions).where(visible_documents(scope), documents.c.corpus_id == corpus_id)
        )
        newest_first = places.order_by(documents.c.latest_at.desc()).limit(1)
        return await fetch_page(
            self._connection,
            listed,
            position=position,
            cursor=lambda file_id: newest_first.where(revisions.c.file_id == file_id),
            page=page,
            item_of=revision_of,
        )

    async def mark_prepared(self, scope: AccessScope, prepared: Sequence[PreparedRevision]) -> None:
        members = [Member(document_id=one.document_id, revision=one.number) for one in prepared]
        await assert_visible(self._connection, scope, members)
        for batch in batches(prepared):
            await self._write_read(_READ.values(_prepared_at(self._clock())), batch)

    async def mark_read(self, scope: AccessScope, read: PreparedRevision) -> None:
        await assert_visible(self._connection, scope, [Member(document_id=read.document_id, revision=read.number)])
        await self._write_read(_READ, [read])

    async def mark_embedded(self, scope: AccessScope, document_id: DocumentId, number: int) -> None:
        await self._mark(scope, document_id, number, **_prepared_at(self._clock()))

    async def mark_failed(
        self, scope: AccessScope, document_id: DocumentId, number: int, *, reason: ReasonCode, detail: str
    ) -> None:
        prepared = revisions.c.state == RevisionState.PREPARED
        await self._mark(
            scope,
            document_id,
            number,
            state=sa.case((prepared, revisions.c.state), else_=RevisionState.FAILED.value),
            reason=sa.case((prepared, revisions.c.reason), else_=reason.value),
            reason_detail=sa.case((prepared, revisions.c.reason_detail), else_=detail),
        )

    async def is_published(self, scope: AccessScope, revision: Revision) -> bool:
        member = (
            sa.select(memberships.c.born)
            .join(corpora, corpora.c.id == memberships.c.corpus_id)
            .join(documents, documents.c.id == memberships.c.document_id)
            .where(
                visible_documents(scope),
                memberships.c.document_id == revision.document_id,
                memberships.c.revision == revision.number,
                memberships.c.born <= corpora.c.published,
                memberships.c.died > corpora.c.published,
            )
        )
        return (await self._connection.execute(member)).first() is not None

    async def was_published(self, scope: AccessScope, document_id: DocumentId, number: int) -> bool:
        if not is_storable(number):
            return False
        shown = (
            sa.select(revisions.c.number)
            .join(documents, documents.c.id == revisions.c.document_id)
            .where(
                visible_documents(scope),
                revisions.c.document_id == document_id,
                revisions.c.number == number,
                revisions.c.was_published,
            )
        )
        return (await self._connection.execute(shown)).first() is not None

    async def parsed(self, scope: AccessScope, document_id: DocumentId, number: int) -> ParsedDocument:
        found = await read_parsed(self._connection, scope, document_id, number) if is_storable(number) else None
        if found is None:
            raise NotFound("revision", f"{document_id}/{number}")
        return found

    async def _grant(self, document_id: DocumentId, principals: frozenset[str]) -> None:
        rows = [{"document_id": document_id, "principal": principal} for principal in sorted(principals)]
        if rows:
            await self._connection.execute(document_principals.insert(), rows)

    async def _write_read(self, described: sa.Update, read: Sequence[PreparedRevision]) -> None:
        await self._connection.execute(described, [_values_of_prepared(one) for one in read])
        await write_parsed(self._connection, read)

    async def _mark(self, scope: AccessScope, document_id: DocumentId, number: int, **values: Any) -> None:
        visible = sa.exists().where(documents.c.id == revisions.c.document_id, visible_documents(scope))
        one = revisions.update().where(revisions.c.document_id == document_id, revisions.c.number == number, visible)
        if (await self._connection.execute(one.values(values))).rowcount == 0:
            raise NotFound("revision", f"{document_id}/{number}")


async def granted_principals(
    connection: AsyncConnection, scope: AccessScope, document_ids: Sequence[DocumentId]
) -> dict[DocumentId, frozenset[str]]:
    """Return who may see each of the documents; those the scope may not see are left out."""
    found: dict[DocumentId, set[str]] = {}
    granted = sa.select(documents.c.id, document_principals.c.principal).outerjoin(document_principals)
    for batch in batches(document_ids):
        wanted = granted.where(visible_documents(scope), documents.c.id.in_(batch))
        for row in await connection.execute(wanted):
            found.setdefault(row.id, set()).update(() if row.principal is None else (row.principal,))
    return {document_id: frozenset(names) for document_id, names in found.items()}


_READ = (
    revisions.update()
    .where(revisions.c.document_id == sa.bindparam("of_document"), revisions.c.number == sa.bindparam("of_revision"))
    .values(parser_fingerprint=sa.func.coalesce(sa.bindparam("read_with"), revisions.c.parser_fingerprint))
)


def _prepared_at(now: datetime) -> dict[str, Any]:
    return {
        "state": RevisionState.PREPARED.value,
        "prepared_at": sa.func.coalesce(revisions.c.prepared_at, sa.literal(now, revisions.c.prepared_at.type)),
        "reason": None,
        "reason_detail": None,
    }


def _values_of_prepared(one: PreparedRevision) -> dict[str, Any]:
    languages = one.parsed.ocr_languages
    return {
        "of_document": one.document_id,
        "of_revision": one.number,
        "title": one.parsed.title,
        "text_sha256": sha256_of(one.parsed.text),
        "page_count": one.parsed.page_count,
        "chunk_count": one.chunk_count,
        "language": one.language,
        "read_with": None if languages is None else parsed_with_ocr(languages),
    }


def _members_at(corpus_id: CorpusId, version: int) -> sa.Select[DocumentId]:
    revision = sa.and_(
        revisions.c.document_id == memberships.c.document_id, revisions.c.number == memberships.c.revision
    )
    return (
        sa.select(documents.c.id)
        .select_from(memberships)
        .join(documents, documents.c.id == memberships.c.document_id)
        .join(revisions, revision)
        .where(memberships.c.corpus_id == corpus_id, memberships.c.born <= version, memberships.c.died > version)
    )


def _revisions(scope: AccessScope) -> sa.Select[Any]:
    return sa.select(*_REVISION).join_from(revisions, documents).where(visible_documents(scope))


def _document_of(rows: Sequence[Any]) -> Document:
    first = rows[0]
    return Document(
        id=first.id,
        tenant_id=first.tenant_id,
        corpus_id=first.corpus_id,
        key=first.key,
        principals=frozenset(row.principal for row in rows if row.principal is not None),
        created_at=first.created_at,
    )
