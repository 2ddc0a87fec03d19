"""What the index should hold: chunks of memberships, with the principals of their documents."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.documents import granted_principals
from rag_service.catalog.scoping import allowed_corpora, unindexed
from rag_service.catalog.tables import builds, chunks, corpora, drafts, memberships, tenants
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, Fingerprint, TenantId
from rag_service.domain.points import ExpectedPoint, MembershipPlace, SlotState
from rag_service.domain.versions import OPEN, Member
from rag_service.errors import NotFound

_MOVING = (DraftState.SEALING, DraftState.UNSEALING)
_PLACE = (memberships.c.document_id, memberships.c.revision, memberships.c.born)
_CHUNKS_OF_BUILD = sa.and_(
    chunks.c.document_id == memberships.c.document_id,
    chunks.c.revision == memberships.c.revision,
    chunks.c.fingerprint == builds.c.fingerprint,
)
_ALL = sa.select(
    chunks.c.id,
    *_PLACE,
    # An end that the build does not have yet is none.
    sa.case((memberships.c.died <= builds.c.synced, memberships.c.died), else_=OPEN).label("died"),
    builds.c.fingerprint,
).select_from(
    memberships.join(builds, builds.c.corpus_id == unindexed(memberships.c.corpus_id)).join(chunks, _CHUNKS_OF_BUILD)
)
_LIVES = _ALL.where(memberships.c.born <= builds.c.synced, memberships.c.died > builds.c.since)


class SqlPoints:
    """Implements `ports.catalog.Points`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def tenants(self) -> list[TenantId]:
        rows = await self._connection.execute(sa.select(tenants.c.id).order_by(tenants.c.id))
        return [TenantId(tenant_id) for tenant_id in rows.scalars()]

    async def count(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> int:
        await self._assert_build(scope, corpus_id, fingerprint)
        counted = _of_build(corpus_id, fingerprint).with_only_columns(sa.func.count())
        return int((await self._connection.execute(counted)).scalar_one())

    async def page(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        fingerprint: Fingerprint,
        *,
        after: MembershipPlace | None,
        limit: int,
    ) -> tuple[list[ExpectedPoint], MembershipPlace | None]:
        await self._assert_build(scope, corpus_id, fingerprint)
        # Along the primary key: the corpus's own index would be sorted anew for each page.
        places = sa.select(*_PLACE).where(unindexed(memberships.c.corpus_id) == corpus_id)
        if after is not None:
            places = places.where(sa.tuple_(*_PLACE) > (after.document_id, after.revision, after.born))
        rows = (await self._connection.execute(places.order_by(*_PLACE).limit(limit))).all()
        if not rows:
            return [], None
        last = MembershipPlace(document_id=rows[-1].document_id, revision=rows[-1].revision, born=rows[-1].born)
        of_these = sa.tuple_(*_PLACE).in_([tuple(row) for row in rows])
        documents_in = memberships.c.document_id.in_({row.document_id for row in rows})
        lives = _LIVES.where(documents_in, of_these, builds.c.fingerprint == fingerprint)
        return [point for _, point in await self._expected(scope, lives)], last

    async def of_chunks(
        self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint, chunk_ids: Sequence[ChunkId]
    ) -> list[ExpectedPoint]:
        await self._assert_build(scope, corpus_id, fingerprint)
        found: list[ExpectedPoint] = []
        for batch in batches(chunk_ids):
            lives = _LIVES.where(
                unindexed(memberships.c.corpus_id) == corpus_id,
                builds.c.fingerprint == fingerprint,
                chunks.c.id.in_(batch),
            )
            found += [point for _, point in await self._expected(scope, lives)]
        return found

    async def of_documents(
        self, scope: AccessScope, document_ids: Sequence[DocumentId]
    ) -> dict[Fingerprint, list[ExpectedPoint]]:
        found: dict[Fingerprint, list[ExpectedPoint]] = {}
        for batch in batches(document_ids):
            for fingerprint, point in await self._expected(scope, _ALL.where(memberships.c.document_id.in_(batch))):
                found.setdefault(fingerprint, []).append(point)
        return found

    async def slot(self, scope: AccessScope, corpus_id: CorpusId, *, hold: bool) -> SlotState:
        # SQLite has one writer; elsewhere a draft takes its number from the one row, and changes its state in the other.
        corpus = sa.select(corpora.c.highest).where(allowed_corpora(scope), corpora.c.id == corpus_id)
        draft = sa.select(drafts.c.number, drafts.c.state).where(
            drafts.c.corpus_id == corpus_id, drafts.c.state.in_((*_MOVING, DraftState.SEALED))
        )
        if hold:
            corpus, draft = corpus.with_for_update(key_share=True), draft.with_for_update()
        highest = (await self._connection.execute(corpus)).scalar_one_or_none()
        if highest is None:
            raise NotFound("corpus", corpus_id)
        holder = (await self._connection.execute(draft)).first()
        return SlotState(highest=highest, moving=holder.number if holder and holder.state in _MOVING else None)

    async def _assert_build(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> None:
        one = sa.select(builds.c.fingerprint).join(corpora).where(allowed_corpora(scope), corpora.c.id == corpus_id)
        if (await self._connection.execute(one.where(builds.c.fingerprint == fingerprint))).first() is None:
            raise NotFound("build", fingerprint)

    async def _expected(self, scope: AccessScope, lives: sa.Select[Any]) -> list[tuple[Fingerprint, ExpectedPoint]]:
        rows = (await self._connection.execute(lives)).all()
        principals = await granted_principals(self._connection, scope, sorted(_documents(rows)))
        return [
            (Fingerprint(row.fingerprint), _expected_of(row, principals[row.document_id]))
            for row in rows
            if row.document_id in principals
        ]


def _of_build(corpus_id: CorpusId, fingerprint: Fingerprint) -> sa.Select[Any]:
    return _LIVES.where(memberships.c.corpus_id == corpus_id, builds.c.fingerprint == fingerprint)


def _documents(rows: Iterable[sa.Row[Any]]) -> set[DocumentId]:
    return {DocumentId(row.document_id) for row in rows}


def _expected_of(row: sa.Row[Any], principals: frozenset[str]) -> ExpectedPoint:
    return ExpectedPoint(
        chunk_id=ChunkId(row.id),
        member=Member(document_id=DocumentId(row.document_id), revision=row.revision),
        born=row.born,
        died=row.died,
        principals=principals,
    )
