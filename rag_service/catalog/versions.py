"""Drafts, memberships and sealed versions."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog import drafts, sealing
from rag_service.catalog.batches import batches
from rag_service.catalog.frequency_rows import frequencies_of, no_frequencies
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora, among, is_storable, unindexed
from rag_service.catalog.tables import corpora, document_frequencies, memberships, versions
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, DraftChange
from rag_service.domain.ids import CorpusId, DocumentId, DraftId
from rag_service.domain.versions import OPEN, Member, Version, VersionDifference
from rag_service.errors import NotFound
from rag_service.ports.sparse_encoder import DocumentFrequencies


class SqlVersions:
    """Implements `ports.catalog.Versions`."""

    def __init__(self, connection: AsyncConnection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock

    async def automatic_draft(self, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> Draft:
        return await drafts.automatic_draft(self._connection, scope, corpus_id, now)

    async def draft(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        return await drafts.read_draft(self._connection, scope, draft_id)

    async def set_changes(self, scope: AccessScope, draft_id: DraftId, changes: Sequence[DraftChange]) -> None:
        await drafts.set_changes(self._connection, scope, draft_id, changes, self._clock())

    async def changes(self, scope: AccessScope, draft_id: DraftId) -> list[DraftChange]:
        return await drafts.changes_of(self._connection, scope, draft_id)

    async def due_drafts(self, now: datetime, *, patience: timedelta) -> list[Draft]:
        return await drafts.due_drafts(self._connection, now, patience)

    async def start_sealing(self, scope: AccessScope, draft_id: DraftId, now: datetime) -> Draft:
        return await sealing.start(self._connection, scope, draft_id, now)

    async def members(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        number: int,
        *,
        documents: Sequence[DocumentId] | None = None,
    ) -> frozenset[Member]:
        await self._assert_corpus(scope, corpus_id)
        if not is_storable(number):
            return frozenset()
        visible = sa.select(memberships.c.document_id, memberships.c.revision).where(
            memberships.c.born <= number, memberships.c.died > number
        )
        if documents is None:
            return await self._members(visible.where(memberships.c.corpus_id == corpus_id))
        found: frozenset[Member] = frozenset()
        visible = visible.where(unindexed(memberships.c.corpus_id) == corpus_id)
        for batch in batches(documents):
            found |= await self._members(visible.where(memberships.c.document_id.in_(batch)))
        return found

    async def births(self, scope: AccessScope, corpus_id: CorpusId, members: Sequence[Member]) -> dict[Member, int]:
        await self._assert_corpus(scope, corpus_id)
        found = {}
        for batch in batches(members):
            for row in await self._connection.execute(_open_memberships(corpus_id, batch)):
                found[Member(document_id=row.document_id, revision=row.revision)] = row.born
        return found

    async def finish_sealing(
        self,
        scope: AccessScope,
        version: Version,
        difference: VersionDifference,
        frequencies: DocumentFrequencies,
    ) -> None:
        await sealing.finish(self._connection, scope, version, difference, frequencies)

    async def version(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> Version:
        row = None
        if is_storable(number):
            one = _versions(scope, corpus_id).where(versions.c.number == number)
            row = (await self._connection.execute(one)).first()
        if row is None:
            raise NotFound("version", str(number))
        return _version_of(row)

    async def list(self, scope: AccessScope, corpus_id: CorpusId) -> list[Version]:
        newest_first = _versions(scope, corpus_id).order_by(versions.c.number.desc())
        return [_version_of(row) for row in await self._connection.execute(newest_first)]

    async def frequencies(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> DocumentFrequencies:
        row = (await self._connection.execute(_frequencies(scope, corpus_id, number))).first()
        if row is None:
            raise NotFound("corpus", corpus_id)
        if number == 0:
            return no_frequencies()
        if row.terms is None:
            raise NotFound("version", str(number))
        return frequencies_of(row)

    async def _members(self, visible: sa.Select[tuple[str, int]]) -> frozenset[Member]:
        rows = await self._connection.execute(visible)
        return frozenset(Member(document_id=DocumentId(row.document_id), revision=row.revision) for row in rows)

    async def _assert_corpus(self, scope: AccessScope, corpus_id: CorpusId) -> None:
        one = sa.select(corpora.c.id).where(allowed_corpora(scope), corpora.c.id == corpus_id)
        if (await self._connection.execute(one)).first() is None:
            raise NotFound("corpus", corpus_id)


def _open_memberships(corpus_id: CorpusId, members: Sequence[Member]) -> sa.Select[Any]:
    return memberships.select().where(
        unindexed(memberships.c.corpus_id) == corpus_id,
        memberships.c.died == OPEN,
        among(members, memberships.c.document_id, memberships.c.revision),
    )


def _versions(scope: AccessScope, corpus_id: CorpusId) -> sa.Select[Any]:
    return sa.select(versions).join(corpora).where(allowed_corpora(scope), corpora.c.id == corpus_id)


def _frequencies(scope: AccessScope, corpus_id: CorpusId, number: int) -> sa.Select[Any]:
    table = document_frequencies
    frozen = sa.and_(
        table.c.corpus_id == corpora.c.id,
        table.c.number == (number if is_storable(number) else 0),
        table.c.fingerprint == corpora.c.fingerprint,
    )
    columns = sa.select(table.c.chunk_count, table.c.terms, table.c.counts)
    return columns.select_from(corpora.outerjoin(table, frozen)).where(
        allowed_corpora(scope), corpora.c.id == corpus_id
    )


def _version_of(row: sa.Row[Any]) -> Version:
    return Version(**columns_of(row))  # the columns are the fields
