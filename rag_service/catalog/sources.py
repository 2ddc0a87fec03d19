"""Sources of corpora, and what they hold."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.database import insert_into
from rag_service.catalog.newest import revisions_in_corpus
from rag_service.catalog.scoping import not_erased, visible_documents
from rag_service.catalog.source_rows import allowed_sources, item_of, read_source, source_of, values_of_source
from rag_service.catalog.tables import (
    OPEN_SOURCE_RUNS,
    barred_keys,
    corpora,
    documents,
    memberships,
    revisions,
    source_items,
    source_runs,
    sources,
    tombstones,
)
from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import CorpusId, DocumentId, ErasureId, SourceId
from rag_service.domain.sync import SOURCE, Source, SourceItem
from rag_service.domain.versions import Member
from rag_service.errors import Conflict, NotFound

_FIXED = frozenset({"id", "tenant_id", "corpus_id", "name", "kind", "created_at", "last_run_at"})


class SqlSources:
    """Implements `ports.catalog.Sources`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, source: Source) -> None:
        await read_corpus(self._connection, scope, source.corpus_id)
        values = values_of_source(source) | {"tenant_id": scope.tenant_id}
        named = insert_into(self._connection, sources).values(values)
        if (await self._connection.execute(named.on_conflict_do_nothing())).rowcount == 0:
            raise Conflict(f"There is a source named {source.name} already.")

    async def get(self, scope: AccessScope, source_id: SourceId, *, hold: bool = False) -> Source:
        return await read_source(self._connection, scope, source_id, lock=hold)

    async def named(self, scope: AccessScope, corpus_id: CorpusId, ref: str) -> Source:
        one = allowed_sources(scope).where(
            sources.c.corpus_id == corpus_id, sa.or_(sources.c.id == ref, sources.c.name == ref)
        )
        # An id wins over another source that has it as its name.
        row = (await self._connection.execute(one.order_by(sa.case((sources.c.id == ref, 0), else_=1)))).first()
        if row is None:
            raise NotFound("source", ref)
        return source_of(row)

    async def scheduled(self) -> list[Source]:
        erased = sa.exists().where(
            tombstones.c.kind == TombstoneKind.CORPUS.value, tombstones.c.id == sources.c.corpus_id
        )
        timed = sources.select().where(sources.c.every_s.is_not(None), ~erased).order_by(sources.c.id)
        return [source_of(row) for row in await self._connection.execute(timed)]

    async def change(self, scope: AccessScope, source: Source) -> None:
        await read_source(self._connection, scope, source.id)
        values = {name: value for name, value in values_of_source(source).items() if name not in _FIXED}
        await self._connection.execute(sources.update().where(sources.c.id == source.id).values(values))

    async def remove(self, scope: AccessScope, source_id: SourceId) -> None:
        await read_source(self._connection, scope, source_id)
        # First its runs: whoever ends one with its draft holds the run, and then adds items to the source.
        mine = sa.select(source_runs.c.id).where(source_runs.c.source_id == source_id)
        await self._connection.execute(mine.order_by(source_runs.c.id).with_for_update())
        await read_source(self._connection, scope, source_id, lock=True)
        at_work = mine.where(OPEN_SOURCE_RUNS)
        if (await self._connection.execute(at_work)).first() is not None:
            raise Conflict("A run of this source is not over. Cancel its job first.")
        await self._connection.execute(sources.delete().where(sources.c.id == source_id))

    async def items(self, scope: AccessScope, source_id: SourceId) -> dict[str, SourceItem]:
        await read_source(self._connection, scope, source_id)
        mine = source_items.select().where(source_items.c.source_id == source_id)
        return {row.key: item_of(row) for row in await self._connection.execute(mine)}

    async def published(self, scope: AccessScope, source_id: SourceId) -> dict[str, Member]:
        source = await read_source(self._connection, scope, source_id)
        prefix = source.document_key("")
        visible = (
            sa.select(documents.c.key, memberships.c.document_id, memberships.c.revision)
            .select_from(documents)
            .join(corpora, corpora.c.id == documents.c.corpus_id)
            .join(memberships, memberships.c.document_id == documents.c.id)
            .where(
                documents.c.corpus_id == source.corpus_id,
                memberships.c.born <= corpora.c.published,
                memberships.c.died > corpora.c.published,
                documents.c.key.startswith(prefix, autoescape=True),
                not_erased(scope, TombstoneKind.DOCUMENT, documents.c.id),
            )
        )
        rows = await self._connection.execute(visible)
        # SQLite's LIKE takes no account of case.
        return {
            row.key[len(prefix) :]: Member(document_id=DocumentId(row.document_id), revision=row.revision)
            for row in rows
            if row.key.startswith(prefix)
        }

    async def foreign(self, scope: AccessScope, source_id: SourceId, keys: Collection[str]) -> frozenset[str]:
        source = await read_source(self._connection, scope, source_id)
        newest: dict[str, bool] = {}
        for batch in batches(sorted(keys)):
            there = revisions_in_corpus(documents.c.key, revisions.c.attributes).where(
                visible_documents(scope), documents.c.corpus_id == source.corpus_id, documents.c.key.in_(batch)
            )
            for row in await self._connection.execute(there.order_by(revisions.c.number)):
                newest[row.key] = row.attributes.get(SOURCE) != source.name
        return frozenset(key for key, is_foreign in newest.items() if is_foreign)

    async def bar(self, scope: AccessScope, corpus_id: CorpusId, key_hash: str, erasure_id: ErasureId) -> None:
        new = insert_into(self._connection, barred_keys)
        values = {"corpus_id": corpus_id, "key_hash": key_hash, "erasure_id": erasure_id}
        await self._connection.execute(new.values(values).on_conflict_do_nothing())

    async def barred(self, scope: AccessScope, corpus_id: CorpusId) -> frozenset[str]:
        await read_corpus(self._connection, scope, corpus_id)
        mine = sa.select(barred_keys.c.key_hash).where(barred_keys.c.corpus_id == corpus_id)
        return frozenset((await self._connection.execute(mine)).scalars())

    async def list(self, scope: AccessScope, corpus_id: CorpusId) -> list[Source]:
        await read_corpus(self._connection, scope, corpus_id)
        mine = allowed_sources(scope).where(sources.c.corpus_id == corpus_id).order_by(sources.c.name)
        return [source_of(row) for row in await self._connection.execute(mine)]
