"""Sealed versions: who is a member, labels and notes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog import labels
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.frequency_rows import read_frequencies
from rag_service.catalog.membership_rows import births_of, members_at, written_at
from rag_service.catalog.pagination import fetch_page, number_in
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora, is_storable
from rag_service.catalog.tables import corpora, versions
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import OPEN, Member, Version, VersionDifference
from rag_service.errors import NotFound
from rag_service.ports.sparse_encoder import NO_FREQUENCIES, DocumentFrequencies


class SqlVersions:
    """Implements `ports.catalog.Versions`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> Version:
        row = None
        if is_storable(number):
            one = _versions(scope, corpus_id).where(versions.c.number == number)
            row = (await self._connection.execute(one)).first()
        if row is None:
            raise NotFound("version", str(number))
        return _version_of(row)

    async def list(self, scope: AccessScope, corpus_id: CorpusId, page: PageRequest) -> Page[Version]:
        await read_corpus(self._connection, scope, corpus_id)
        position = (versions.c.corpus_id, versions.c.number)
        mine = versions.c.corpus_id == corpus_id
        return await fetch_page(
            self._connection,
            versions.select().where(mine),
            position=position,
            cursor=lambda item: sa.select(*position).where(mine, versions.c.number == number_in(item)),
            page=page,
            item_of=_version_of,
        )

    async def highest(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        await read_corpus(self._connection, scope, corpus_id)
        numbers = sa.select(sa.func.max(versions.c.number)).where(versions.c.corpus_id == corpus_id)
        return (await self._connection.execute(numbers)).scalar_one() or 0

    async def members(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        number: int,
        *,
        documents: Sequence[DocumentId] | None = None,
    ) -> frozenset[Member]:
        await read_corpus(self._connection, scope, corpus_id)
        return await members_at(self._connection, corpus_id, number, documents)

    async def births(
        self, scope: AccessScope, corpus_id: CorpusId, members: Sequence[Member], *, at: int = OPEN - 1
    ) -> dict[Member, int]:
        await read_corpus(self._connection, scope, corpus_id)
        return await births_of(self._connection, corpus_id, members, at)

    async def written_by(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> VersionDifference:
        await read_corpus(self._connection, scope, corpus_id)
        return await written_at(self._connection, corpus_id, number)

    async def frequencies(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, fingerprint: Fingerprint
    ) -> DocumentFrequencies | None:
        await read_corpus(self._connection, scope, corpus_id)
        if number == 0:
            return NO_FREQUENCIES
        return await read_frequencies(self._connection, corpus_id, number, fingerprint)

    async def label(self, scope: AccessScope, corpus_id: CorpusId, label: str, number: int, now: datetime) -> None:
        version = await self.get(scope, corpus_id, number)
        await labels.set_label(self._connection, version, label, now)

    async def unlabel(self, scope: AccessScope, corpus_id: CorpusId, label: str) -> None:
        await labels.remove_label(self._connection, scope, corpus_id, label)

    async def labels(self, scope: AccessScope, corpus_id: CorpusId) -> dict[str, int]:
        return await labels.labels_of(self._connection, scope, corpus_id)

    async def annotate(self, scope: AccessScope, corpus_id: CorpusId, number: int, notes: str) -> Version:
        await self.get(scope, corpus_id, number)
        one = versions.update().where(versions.c.corpus_id == corpus_id, versions.c.number == number)
        await self._connection.execute(one.values(notes=notes))
        return await self.get(scope, corpus_id, number)


def _versions(scope: AccessScope, corpus_id: CorpusId) -> sa.Select[Any]:
    return sa.select(versions).join(corpora).where(allowed_corpora(scope), corpora.c.id == corpus_id)


def _version_of(row: sa.Row[Any]) -> Version:
    return Version(**columns_of(row))  # the columns are the fields
