"""Corpora and the one row that says what is published."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog import publications
from rag_service.catalog.corpus_rows import corpus_of, read_corpus
from rag_service.catalog.database import insert_into
from rag_service.catalog.newest import newest_counts
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.scoping import ScopeShape, allowed_corpora, run_in, visible_documents
from rag_service.catalog.tables import corpora
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Corpus, Publication
from rag_service.errors import Conflict, NotFound


class SqlCorpora:
    """Implements `ports.catalog.Corpora`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, corpus: Corpus) -> None:
        values = asdict(corpus) | {"tenant_id": scope.tenant_id}
        named = insert_into(self._connection, corpora).values(values)
        added = await self._connection.execute(named.on_conflict_do_nothing())
        if added.rowcount == 0:
            raise Conflict(f"There is a corpus named {corpus.name} already.")

    async def get(self, scope: AccessScope, ref: str) -> Corpus:
        row = (await run_in(self._connection, scope, _by_ref, ref=ref)).first()
        if row is None:
            raise NotFound("corpus", ref)
        return corpus_of(row)

    async def lock(self, scope: AccessScope, corpus_id: CorpusId) -> Corpus:
        return await read_corpus(self._connection, scope, corpus_id, lock=True)

    async def raise_rights_epoch(self, scope: AccessScope, corpus_id: CorpusId) -> None:
        mine = corpora.update().where(allowed_corpora(scope), corpora.c.id == corpus_id)
        await self._connection.execute(mine.values(rights_epoch=corpora.c.rights_epoch + 1))

    async def set_dense_weight(self, scope: AccessScope, corpus_id: CorpusId, weight: float | None) -> None:
        mine = corpora.update().where(allowed_corpora(scope), corpora.c.id == corpus_id)
        await self._connection.execute(mine.values(dense_weight=weight))

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[Corpus]:
        position = (corpora.c.created_at, corpora.c.id)
        return await fetch_page(
            self._connection,
            corpora.select().where(allowed_corpora(scope)),
            position=position,
            cursor=lambda corpus_id: sa.select(*position).where(allowed_corpora(scope), corpora.c.id == corpus_id),
            page=page,
            item_of=corpus_of,
        )

    async def publish(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, *, expected: int, now: datetime
    ) -> Publication:
        return await publications.publish(self._connection, scope, corpus_id, number, expected=expected, now=now)

    async def publications(self, scope: AccessScope, corpus_id: CorpusId, page: PageRequest) -> Page[Publication]:
        return await publications.list_publications(self._connection, scope, corpus_id, page)

    async def file_counts(self, scope: AccessScope, corpus_id: CorpusId) -> Mapping[str, int]:
        counts = newest_counts(corpus_id).where(visible_documents(scope))
        row = (await self._connection.execute(counts)).one()
        in_progress = row.total - row.failed - row.completed
        return {
            "in_progress": in_progress,
            "completed": row.completed,
            "failed": row.failed,
            "total": row.total,
            "size_bytes": int(row.size_bytes),
        }


@cache
def _by_ref(shape: ScopeShape) -> sa.Select[Any]:
    ref = sa.bindparam("ref", type_=sa.String)
    named = corpora.select().where(allowed_corpora(shape), sa.or_(corpora.c.id == ref, corpora.c.name == ref))
    # An id wins over another corpus that has it as its name.
    return named.order_by(sa.case((corpora.c.id == ref, 0), else_=1))
