"""What is kept of versions, and the removal of what nothing needs any more."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.kept_vectors import forget_unused
from rag_service.catalog.scoping import among
from rag_service.catalog.tables import (
    LIVE,
    answer_sources,
    builds,
    chunks,
    corpora,
    documents,
    draft_changes,
    drafts,
    files,
    memberships,
    publications,
    revisions,
    version_labels,
    versions,
)
from rag_service.domain.access import AccessScope
from rag_service.domain.builds import BuildState
from rag_service.domain.documents import RevisionState
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, Fingerprint
from rag_service.domain.retention import DroppedMembership, Retention, StoredVersion
from rag_service.domain.versions import OPEN, Member

_HIGHEST_NEEDED = 2


class SqlRetentions:
    """Implements `ports.catalog.Retentions`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, scope: AccessScope, corpus_id: CorpusId, retention: Retention) -> None:
        await read_corpus(self._connection, scope, corpus_id)
        kept = {"keep_versions": retention.versions, "keep_days": retention.days}
        await self._connection.execute(corpora.update().where(corpora.c.id == corpus_id).values(kept))

    async def versions(self, scope: AccessScope, corpus_id: CorpusId) -> list[StoredVersion]:
        corpus = await read_corpus(self._connection, scope, corpus_id)
        left_at = sa.select(publications.c.previous, sa.func.max(publications.c.created_at).label("at"))
        left = left_at.where(publications.c.corpus_id == corpus_id).group_by(publications.c.previous).subquery()
        stored = (
            sa.select(versions.c.number, versions.c.created_at, left.c.at)
            .outerjoin(left, left.c.previous == versions.c.number)
            .where(versions.c.corpus_id == corpus_id)
            .order_by(versions.c.number)
        )
        rows = (await self._connection.execute(stored)).all()
        needed = await self._needed(corpus_id) | {corpus.published} | {row.number for row in rows[-_HIGHEST_NEEDED:]}
        return [
            StoredVersion(number=row.number, last_asked_at=row.at or row.created_at, is_needed=row.number in needed)
            for row in rows
        ]

    async def drop_versions(self, scope: AccessScope, corpus_id: CorpusId, numbers: Sequence[int]) -> None:
        await read_corpus(self._connection, scope, corpus_id)
        for batch in batches(numbers):
            mine = sa.and_(versions.c.corpus_id == corpus_id, versions.c.number.in_(batch))
            await self._connection.execute(versions.delete().where(mine))

    async def drop_memberships(self, scope: AccessScope, corpus_id: CorpusId, *, limit: int) -> list[DroppedMembership]:
        await read_corpus(self._connection, scope, corpus_id)
        kept = sa.exists().where(
            versions.c.corpus_id == corpus_id,
            versions.c.number >= memberships.c.born,
            versions.c.number < memberships.c.died,
        )
        place = (memberships.c.document_id, memberships.c.revision, memberships.c.born)
        unneeded = (
            sa.select(*place)
            .where(memberships.c.corpus_id == corpus_id, memberships.c.died < OPEN, ~kept)
            .order_by(*place)
            .limit(limit)
        )
        rows = [tuple(row) for row in await self._connection.execute(unneeded)]
        shown = await self._chunks([Member(document_id=document, revision=number) for document, number, _ in rows])
        for batch in batches(rows):
            documents_in = memberships.c.document_id.in_({document for document, *_ in batch})
            one_of = sa.tuple_(*place).in_(batch)
            await self._connection.execute(memberships.delete().where(documents_in, one_of))
        return [
            DroppedMembership(
                document_id=document,
                revision=number,
                born=born,
                chunks=shown.get(Member(document_id=document, revision=number), {}),
            )
            for document, number, born in rows
        ]

    async def drop_revisions(
        self, scope: AccessScope, corpus_id: CorpusId, *, created_before: datetime, limit: int
    ) -> int:
        await read_corpus(self._connection, scope, corpus_id)
        unneeded = (
            sa.select(revisions.c.document_id, revisions.c.number)
            .join(documents, documents.c.id == revisions.c.document_id)
            .where(
                documents.c.corpus_id == corpus_id,
                revisions.c.created_at < created_before,
                revisions.c.state != RevisionState.PENDING,
                ~_is_needed(revision=revisions.c.number),
                sa.or_(revisions.c.number != documents.c.latest_revision, _is_over()),
            )
            .order_by(revisions.c.document_id, revisions.c.number)
        )
        dropped = 0
        for batch in batches(await self._members(unneeded.limit(limit))):
            locked = await self._members(_locked(batch))
            # Once more: what was put into a draft or an answer before the lock is seen now, and nothing comes after it.
            still = unneeded.where(among(locked, revisions.c.document_id, revisions.c.number))
            members = await self._members(still) if locked else []
            await self._drop(scope, members)
            dropped += len(members)
        return dropped

    async def unused_builds(self, scope: AccessScope, corpus_id: CorpusId) -> list[Fingerprint]:
        corpus = await read_corpus(self._connection, scope, corpus_id)
        sealed = sa.exists().where(
            versions.c.corpus_id == builds.c.corpus_id, versions.c.fingerprint == builds.c.fingerprint
        )
        drafted = sa.exists().where(
            drafts.c.corpus_id == builds.c.corpus_id,
            LIVE,
            builds.c.fingerprint.in_([drafts.c.fingerprint, drafts.c.wanted_fingerprint]),
        )
        unused = sa.select(builds.c.fingerprint).where(
            builds.c.corpus_id == corpus_id,
            builds.c.state == BuildState.READY,
            builds.c.fingerprint != corpus.fingerprint,
            ~sealed,
            ~drafted,
        )
        return [Fingerprint(name) for name in (await self._connection.execute(unused)).scalars()]

    async def drop_build(
        self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint, *, limit: int
    ) -> bool:
        await read_corpus(self._connection, scope, corpus_id)
        of_build = (
            sa.select(chunks.c.id, chunks.c.embedded_sha256)
            .join(documents, documents.c.id == chunks.c.document_id)
            .where(documents.c.corpus_id == corpus_id, chunks.c.fingerprint == fingerprint)
        )
        rows = (await self._connection.execute(of_build.limit(limit))).all()
        for batch in batches([row.id for row in rows]):
            await self._connection.execute(chunks.delete().where(chunks.c.id.in_(batch)))
        await forget_unused(self._connection, scope.tenant_id, [row.embedded_sha256 for row in rows])
        if len(rows) == limit:
            return False
        one = sa.and_(builds.c.corpus_id == corpus_id, builds.c.fingerprint == fingerprint)
        await self._connection.execute(builds.delete().where(one))
        return True

    async def _needed(self, corpus_id: CorpusId) -> set[int]:
        labelled = sa.select(version_labels.c.number).where(version_labels.c.corpus_id == corpus_id)
        live = sa.and_(drafts.c.corpus_id == corpus_id, LIVE)
        bases = (sa.select(column).where(live) for column in (drafts.c.base, drafts.c.sealed_against))
        found = await self._connection.execute(sa.union(labelled, *bases))
        return {number for number in found.scalars() if number is not None}

    async def _chunks(self, members: Sequence[Member]) -> dict[Member, dict[Fingerprint, tuple[ChunkId, ...]]]:
        found: defaultdict[Member, defaultdict[Fingerprint, list[ChunkId]]] = defaultdict(lambda: defaultdict(list))
        columns = (chunks.c.document_id, chunks.c.revision, chunks.c.fingerprint, chunks.c.id)
        for batch in batches(members):
            of_these = sa.select(*columns).where(among(batch, chunks.c.document_id, chunks.c.revision))
            for document, number, fingerprint, chunk in await self._connection.execute(of_these):
                found[Member(document_id=document, revision=number)][fingerprint].append(chunk)
        return {member: {name: tuple(ids) for name, ids in of.items()} for member, of in found.items()}

    async def _members(self, wanted: sa.Select[Any]) -> list[Member]:
        rows = await self._connection.execute(wanted)
        return [Member(document_id=DocumentId(row.document_id), revision=row.number) for row in rows]

    async def _drop(self, scope: AccessScope, members: Sequence[Member]) -> None:
        if not members:
            return
        of_these = among(members, chunks.c.document_id, chunks.c.revision)
        hashes = (await self._connection.execute(sa.select(chunks.c.embedded_sha256).where(of_these))).scalars().all()
        dropped = revisions.delete().where(among(members, revisions.c.document_id, revisions.c.number))
        file_ids = (await self._connection.execute(dropped.returning(revisions.c.file_id))).scalars().all()
        await self._drop_documents(member.document_id for member in members)
        await self._drop_files(file_ids)
        await forget_unused(self._connection, scope.tenant_id, hashes)

    async def _drop_documents(self, document_ids: Iterable[DocumentId]) -> None:
        has_revisions = sa.exists().where(revisions.c.document_id == documents.c.id)
        gone = documents.delete().where(documents.c.id.in_(set(document_ids)), ~has_revisions)
        await self._connection.execute(gone)

    async def _drop_files(self, file_ids: Collection[str]) -> None:
        # An erasure of the document would not know of them; the reconciler removes bytes that no file has.
        is_used = sa.exists().where(revisions.c.file_id == files.c.id)
        await self._connection.execute(files.delete().where(files.c.id.in_(set(file_ids)), ~is_used))


def _locked(members: Sequence[Member]) -> sa.Select[Any]:
    """Select those of the revisions that nobody is about to refer to, and keep others from it; their documents too."""
    mine = sa.select(revisions.c.document_id, revisions.c.number).join(documents)
    of_these = mine.where(among(members, revisions.c.document_id, revisions.c.number))
    return of_these.with_for_update(skip_locked=True)


def _is_needed(revision: sa.ColumnElement[int] | None = None) -> sa.ColumnElement[bool]:
    """Say whether something needs `revision` of the document; without one, any of its revisions."""

    def refers(document_id: sa.ColumnElement[str], number: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        same = document_id == documents.c.id
        return same if revision is None else sa.and_(same, number == revision)

    drafted = sa.exists().where(
        refers(draft_changes.c.document_id, draft_changes.c.revision), draft_changes.c.draft_id == drafts.c.id, LIVE
    )
    return sa.or_(
        sa.exists().where(refers(memberships.c.document_id, memberships.c.revision)),
        drafted,
        sa.exists().where(refers(answer_sources.c.document_id, answer_sources.c.revision)),
    )


def _is_over() -> sa.ColumnElement[bool]:
    """Say whether the document was deleted, and nothing needs any of its revisions."""
    return sa.and_(documents.c.withdrawn_revision >= documents.c.latest_revision, ~_is_needed())
