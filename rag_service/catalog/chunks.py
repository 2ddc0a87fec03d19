"""Chunks of revisions, and passages read from them with rights checked."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.attribute_filters import passes
from rag_service.catalog.batches import batches
from rag_service.catalog.damage import assert_intact
from rag_service.catalog.parsed_texts import read_texts
from rag_service.catalog.revision_rows import assert_visible
from rag_service.catalog.scoping import Limits, ScopeShape, among, is_storable, run_in, unindexed, visible_documents
from rag_service.catalog.tables import chunks, documents, memberships, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.documents import Chunk, embedded_text
from rag_service.domain.filters import Filter
from rag_service.domain.ids import ChunkId, CorpusId, Fingerprint
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import from_plain_values, plain_values
from rag_service.domain.versions import Member, PinnedVersion


class SqlChunks:
    """Implements `ports.catalog.Chunks`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def replace(
        self, scope: AccessScope, fingerprint: Fingerprint, chunks: Mapping[Member, Sequence[Chunk]]
    ) -> None:
        await assert_visible(self._connection, scope, chunks)
        for members in batches(list(chunks)):
            await self._connection.execute(_delete(fingerprint, members))
        rows = [_values_of(chunk, fingerprint) for of_member in chunks.values() for chunk in of_member]
        for batch in batches(rows):
            await self._connection.execute(_INSERT, batch)

    async def of_members(
        self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]
    ) -> dict[Member, list[Chunk]]:
        found: dict[Member, list[Chunk]] = {}
        for batch in batches(members):
            for row in await self._connection.execute(_of(scope, fingerprint, batch)):
                member = Member(document_id=row.document_id, revision=row.revision)
                found.setdefault(member, []).append(_chunk_of(row))
        return found

    async def hashes(
        self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]
    ) -> dict[ChunkId, str]:
        found: dict[ChunkId, str] = {}
        for batch in batches(members):
            hashed = _of(scope, fingerprint, batch).with_only_columns(chunks.c.id, chunks.c.embedded_sha256)
            found |= {ChunkId(row.id): row.embedded_sha256 for row in await self._connection.execute(hashed)}
        return found

    async def between(
        self, scope: AccessScope, fingerprint: Fingerprint, member: Member, ordinals: range
    ) -> Sequence[Chunk]:
        of_member = _of(scope, fingerprint, [member])
        there = of_member.where(chunks.c.ordinal >= ordinals.start, chunks.c.ordinal < ordinals.stop)
        return [_chunk_of(row) for row in await self._connection.execute(there)]

    async def passages(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId]
    ) -> dict[ChunkId, Passage]:
        if not is_storable(version):
            return {}
        shown: dict[ChunkId, Passage] = {}
        for batch in batches(chunk_ids):
            values = {"corpus_id": corpus_id, "version": version, "chunk_ids": batch}
            rows = await run_in(self._connection, scope, _visible_at, **values)
            shown |= {passage.chunk_id: passage for passage in map(_passage_of, rows)}
        return shown

    async def matching(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId], wanted: Filter
    ) -> frozenset[ChunkId]:
        if not is_storable(version):
            return frozenset()
        found: set[ChunkId] = set()
        there = _visible(scope).with_only_columns(chunks.c.id).where(passes(wanted, self._connection))
        for batch in batches(chunk_ids):
            values = {"corpus_id": corpus_id, "version": version}
            rows = await self._connection.execute(there.where(chunks.c.id.in_(batch)), values)
            found.update(rows.scalars())
        return frozenset(found)

    async def containing(
        self, scope: AccessScope, pinned: PinnedVersion, words: Sequence[str], *, limit: int
    ) -> Sequence[Passage]:
        of_version = sa.and_(memberships.c.corpus_id == pinned.corpus.id, chunks.c.fingerprint == pinned.fingerprint)
        there = _visible(scope).where(of_version, chunks.c.text.ilike(_pattern(words), escape=_ESCAPE))
        values = {"corpus_id": pinned.corpus.id, "version": pinned.number}
        rows = await self._connection.execute(there.order_by(chunks.c.id).limit(limit), values)
        return [_passage_of(tuple(row)) for row in rows]

    async def around(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId], reach: int
    ) -> dict[ChunkId, Sequence[Chunk]]:
        if not is_storable(version):
            return {}
        found: dict[ChunkId, list[Chunk]] = {}
        for batch in batches(chunk_ids):
            values = {"corpus_id": corpus_id, "version": version, "reach": reach}
            rows = await self._connection.execute(_around(scope).where(chunks.c.id.in_(batch)), values)
            for row in rows:
                found.setdefault(row.middle, []).append(_chunk_of(row))
        return dict(found)

    async def texts(self, scope: AccessScope, members: Sequence[Member]) -> dict[Member, str]:
        found: dict[Member, str] = {}
        for batch in batches(members):
            found |= await read_texts(self._connection, scope, batch)
        return found


_INSERT = chunks.insert()
_ESCAPE = "\\"

# In the order in which `_passage_of` takes them.
_PASSAGE = (
    chunks.c.id,
    chunks.c.document_id,
    chunks.c.revision,
    chunks.c.char_start,
    chunks.c.char_end,
    chunks.c.text,
    chunks.c.headings,
    chunks.c.page_starts,
    chunks.c.embedded_sha256,
    chunks.c.table_rows,
    revisions.c.file_id,
    revisions.c.filename,
    revisions.c.title,
    revisions.c.attributes,
)


def _delete(fingerprint: Fingerprint, members: Sequence[Member]) -> sa.Delete:
    return chunks.delete().where(
        chunks.c.fingerprint == fingerprint, among(members, chunks.c.document_id, chunks.c.revision)
    )


def _of(scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]) -> sa.Select[Any]:
    of_members = among(members, chunks.c.document_id, chunks.c.revision)
    return (
        sa.select(chunks)
        .join(documents, documents.c.id == chunks.c.document_id)
        .where(visible_documents(scope), chunks.c.fingerprint == fingerprint, of_members)
        .order_by(chunks.c.ordinal)
    )


@cache
def _visible_at(shape: ScopeShape) -> sa.Select[Any]:
    return _visible(shape).where(chunks.c.id.in_(sa.bindparam("chunk_ids", expanding=True)))


def _visible(scope: Limits) -> sa.Select[Any]:
    """Select the passages of a corpus at a version: parameters `corpus_id` and `version`."""
    version = sa.bindparam("version", type_=sa.BigInteger)
    member = sa.and_(
        memberships.c.document_id == chunks.c.document_id,
        memberships.c.revision == chunks.c.revision,
        unindexed(memberships.c.corpus_id) == sa.bindparam("corpus_id"),
        memberships.c.born <= version,
        memberships.c.died > version,
    )
    return (
        sa.select(*_PASSAGE)
        .select_from(chunks)
        .join(memberships, member)
        .join(documents, documents.c.id == chunks.c.document_id)
        .join(
            revisions,
            sa.and_(revisions.c.document_id == chunks.c.document_id, revisions.c.number == chunks.c.revision),
        )
        .where(visible_documents(scope))
    )


def _around(scope: Limits) -> sa.Select[Any]:
    """Select chunks with what lies up to `reach` places before and after them, each with the one in the `middle`."""
    reach = sa.bindparam("reach", type_=sa.Integer)
    near = sa.and_(
        _NEAR.c.document_id == chunks.c.document_id,
        _NEAR.c.revision == chunks.c.revision,
        _NEAR.c.fingerprint == chunks.c.fingerprint,
        _NEAR.c.ordinal.between(chunks.c.ordinal - reach, chunks.c.ordinal + reach),
    )
    pairs = _visible(scope).join(_NEAR, near).with_only_columns(chunks.c.id.label("middle"), *_NEAR.c)
    return pairs.order_by(_NEAR.c.ordinal)


_NEAR = chunks.alias("near")


def _pattern(words: Sequence[str]) -> str:
    """Return the pattern of LIKE for the words in this order."""
    return f"%{'%'.join(''.join(map(_character, word)) for word in words)}%"


def _character(character: str) -> str:
    # SQLite knows the two cases of ASCII only; what has no cases, as in Chinese or Thai, stands for itself.
    if not character.isascii() and character.lower() != character.upper():
        return "_"
    return f"{_ESCAPE}{character}" if character in (_ESCAPE, "%", "_") else character


def _values_of(chunk: Chunk, fingerprint: Fingerprint) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "document_id": chunk.document_id,
        "revision": chunk.revision,
        "fingerprint": fingerprint,
        "ordinal": chunk.ordinal,
        "char_start": chunk.span.start,
        "char_end": chunk.span.end,
        "text": chunk.text,
        "headings": chunk.headings,
        "page_starts": chunk.page_starts,
        "token_count": chunk.token_count,
        "embedded_sha256": chunk.embedded_sha256,
        "table_rows": plain_values(chunk.table_rows) or None,
    }


def _chunk_of(row: sa.Row[Any]) -> Chunk:
    return Chunk(
        id=row.id,
        document_id=row.document_id,
        revision=row.revision,
        ordinal=row.ordinal,
        span=Span(row.char_start, row.char_end),
        text=row.text,
        headings=tuple(row.headings),
        page_starts=tuple((offset, page) for offset, page in row.page_starts),
        token_count=row.token_count,
        embedded_sha256=row.embedded_sha256,
        table_rows=from_plain_values(row.table_rows or ()),
    )


def _passage_of(row: Sequence[Any]) -> Passage:
    # By place, not by name: looking up twelve names costs as much as all the rest.
    chunk_id, document_id, revision, start, end, text, headings, page_starts, sha256, *others = row
    table_rows, file_id, filename, title, attributes = others
    path = tuple(headings)
    assert_intact(embedded_text(path, text), sha256, what=f"Passage {chunk_id} of document {document_id}")
    return Passage(
        rank=0,
        chunk_id=chunk_id,
        document_id=document_id,
        revision=revision,
        file_id=file_id,
        filename=filename,
        title=title,
        attributes=attributes,
        headings=path,
        span=Span(start, end),
        page_starts=tuple((offset, page) for offset, page in page_starts),
        text=text,
        score=0.0,
        dense_score=0.0,
        sparse_score=0.0,
        table_rows=from_plain_values(table_rows or ()),
    )
