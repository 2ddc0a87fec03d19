"""Builds of corpora: their rows, and the memberships that a build is brought further by."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.corpus_rows import corpus_of, read_corpus
from rag_service.catalog.database import insert_into
from rag_service.catalog.draft_rows import draft_in_slot
from rag_service.catalog.frequency_rows import keep_frequencies
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora, among, unindexed, visible_documents
from rag_service.catalog.tables import builds, chunks, corpora, documents, memberships, tombstones, versions
from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build, BuildState, Membership
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint
from rag_service.domain.versions import Corpus, Member
from rag_service.errors import Conflict, NotFound, SlotTaken
from rag_service.ports.sparse_encoder import DocumentFrequencies


class SqlBuilds:
    """Implements `ports.catalog.Builds`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, build: Build) -> None:
        await read_corpus(self._connection, scope, build.corpus_id)
        new = insert_into(self._connection, builds).values(asdict(build) | {"recipe": dict(build.recipe)})
        if (await self._connection.execute(new.on_conflict_do_nothing())).rowcount == 0:
            raise Conflict(f"Corpus {build.corpus_id} has a build {build.fingerprint} already.")

    async def get(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> Build:
        one = _builds(scope, corpus_id).where(builds.c.fingerprint == fingerprint)
        row = (await self._connection.execute(one)).first()
        if row is None:
            raise NotFound("build", fingerprint)
        return _build_of(row)

    async def lacking(self, fingerprint: Fingerprint) -> list[Corpus]:
        has_one = sa.exists().where(builds.c.corpus_id == corpora.c.id, builds.c.fingerprint == fingerprint)
        is_erased = sa.exists().where(tombstones.c.kind == TombstoneKind.CORPUS.value, tombstones.c.id == corpora.c.id)
        others = corpora.select().where(corpora.c.fingerprint != fingerprint, ~has_one, ~is_erased)
        return [corpus_of(row) for row in await self._connection.execute(others.order_by(corpora.c.id))]

    async def start_filling(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> None:
        # Who mends points holds the corpus's row.
        await read_corpus(self._connection, scope, corpus_id, lock=True)
        await self._update(corpus_id, fingerprint, state=BuildState.FILLING)

    async def advance(
        self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint, *, filled_to: DocumentId, done: int
    ) -> None:
        await read_corpus(self._connection, scope, corpus_id)
        await self._update(corpus_id, fingerprint, filled_to=filled_to, done=done)

    async def finish_filling(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        fingerprint: Fingerprint,
        *,
        synced: int,
        frequencies: DocumentFrequencies,
    ) -> None:
        await read_corpus(self._connection, scope, corpus_id, lock=True)
        await self._update(corpus_id, fingerprint, state=BuildState.READY, synced=synced)
        await keep_frequencies(self._connection, corpus_id, synced, fingerprint, frequencies)

    async def adopt(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> None:
        await read_corpus(self._connection, scope, corpus_id, lock=True)
        holder = await draft_in_slot(self._connection, corpus_id)
        if holder is not None:
            raise SlotTaken(f"Draft {holder.id} of this corpus is {holder.state}.")
        first = sa.select(versions.c.number).where(versions.c.corpus_id == corpus_id).limit(1)
        if (await self._connection.execute(first)).first() is not None:
            raise Conflict(f"Corpus {corpus_id} has versions: these stay under the build that they were sealed under.")
        await self._update(corpus_id, fingerprint, state=BuildState.READY)
        await self._connection.execute(
            corpora.update().where(corpora.c.id == corpus_id).values(fingerprint=fingerprint)
        )

    async def last_published(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        await read_corpus(self._connection, scope, corpus_id)
        published = sa.select(sa.func.max(versions.c.number)).where(
            versions.c.corpus_id == corpus_id, versions.c.published_at.is_not(None)
        )
        return (await self._connection.execute(published)).scalar_one() or 0

    async def members_after(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, *, after: str | None, limit: int
    ) -> list[Membership]:
        await read_corpus(self._connection, scope, corpus_id)
        # Along the primary key: the corpus's own index would be sorted anew for each page.
        visible = memberships.select().where(
            unindexed(memberships.c.corpus_id) == corpus_id,
            memberships.c.born <= number,
            memberships.c.died > number,
            memberships.c.document_id > (after or ""),
        )
        return await self._memberships(visible.order_by(memberships.c.document_id).limit(limit))

    async def changed_between(
        self, scope: AccessScope, corpus_id: CorpusId, *, after: int, up_to: int
    ) -> list[Membership]:
        await read_corpus(self._connection, scope, corpus_id)
        mine = memberships.c.corpus_id == corpus_id
        born = memberships.select().where(mine, memberships.c.born > after, memberships.c.born <= up_to)
        died = memberships.select().where(
            mine, memberships.c.died > after, memberships.c.died <= up_to, memberships.c.born <= after
        )
        return await self._memberships(born) + await self._memberships(died)

    async def without_chunks(
        self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]
    ) -> list[Member]:
        found: set[Member] = set()
        for batch in batches(members):
            some = sa.select(chunks.c.document_id, chunks.c.revision).distinct()
            some = some.join(documents, documents.c.id == chunks.c.document_id).where(
                visible_documents(scope),
                chunks.c.fingerprint == fingerprint,
                chunks.c.ordinal == 0,
                among(batch, chunks.c.document_id, chunks.c.revision),
            )
            rows = await self._connection.execute(some)
            found |= {Member(document_id=DocumentId(row.document_id), revision=row.revision) for row in rows}
        return sorted(set(members) - found)

    async def _update(self, corpus_id: CorpusId, fingerprint: Fingerprint, **values: Any) -> None:
        one = builds.update().where(builds.c.corpus_id == corpus_id, builds.c.fingerprint == fingerprint)
        if (await self._connection.execute(one.values(values))).rowcount == 0:
            raise NotFound("build", fingerprint)

    async def _memberships(self, wanted: sa.Select[Any]) -> list[Membership]:
        return [
            Membership(
                member=Member(document_id=DocumentId(row.document_id), revision=row.revision),
                born=row.born,
                died=row.died,
            )
            for row in await self._connection.execute(wanted)
        ]

    async def list(self, scope: AccessScope, corpus_id: CorpusId) -> list[Build]:
        await read_corpus(self._connection, scope, corpus_id)
        oldest_first = _builds(scope, corpus_id).order_by(builds.c.created_at, builds.c.fingerprint)
        return [_build_of(row) for row in await self._connection.execute(oldest_first)]


def _builds(scope: AccessScope, corpus_id: CorpusId) -> sa.Select[Any]:
    return sa.select(builds).join(corpora).where(allowed_corpora(scope), corpora.c.id == corpus_id)


def _build_of(row: sa.Row[Any]) -> Build:
    return Build(**columns_of(row) | {"state": BuildState(row.state)})  # the columns are the fields
