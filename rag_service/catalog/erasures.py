"""Erasures, the tombstones they leave, and the rows that they remove."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.database import insert_into
from rag_service.catalog.erasing import answers as erased_answers
from rag_service.catalog.erasing import documents as erased_documents
from rag_service.catalog.erasing import hiding
from rag_service.catalog.erasing.corpora import remove_corpus
from rag_service.catalog.erasing.files import bury_files
from rag_service.catalog.erasing.frequencies import rewrite, rewriting_of
from rag_service.catalog.erasing.places import buried, jobs_of_document
from rag_service.catalog.erasing.probes import probe
from rag_service.catalog.erasing.replies import remove_replies
from rag_service.catalog.erasing.rows import erasure_of, tombstone_of, values_of
from rag_service.catalog.erasing.vectors import remove_strayed_vectors
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.tables import answers, chunks, documents, erasures, revisions, tombstones
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer
from rag_service.domain.erasures import AnswerPlace, Erasure, ErasurePlan, Removal, Tombstone, TombstoneKind
from rag_service.domain.ids import AnswerId, CorpusId, DocumentId, ErasureId, Fingerprint
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Member
from rag_service.errors import NotFound
from rag_service.ports.catalog.erasures import BuiltMember, Rewriting
from rag_service.ports.sparse_encoder import DocumentFrequencies

_ANSWER = TypeAdapter(Answer)


class SqlErasures:
    """Implements `ports.catalog.Erasures`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, erasure: Erasure, tombstones: Sequence[Tombstone]) -> None:
        await self._connection.execute(erasures.insert().values(values_of(erasure)))
        await self._bury(tombstones)
        for stone in tombstones:
            await bury_files(self._connection, stone)

    async def get(self, scope: AccessScope, erasure_id: ErasureId) -> Erasure:
        one = erasures.select().where(_mine(scope), erasures.c.id == erasure_id)
        row = (await self._connection.execute(one)).first()
        if row is None:
            raise NotFound("erasure", erasure_id)
        return erasure_of(row)

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[Erasure]:
        position = (erasures.c.created_at, erasures.c.id)
        return await fetch_page(
            self._connection,
            erasures.select().where(_mine(scope)),
            position=position,
            cursor=lambda erasure_id: sa.select(*position).where(_mine(scope), erasures.c.id == erasure_id),
            page=page,
            item_of=erasure_of,
        )

    async def known(self, ids: Collection[ErasureId]) -> Mapping[ErasureId, Erasure]:
        rows = await self._connection.execute(erasures.select().where(erasures.c.id.in_(ids)))
        found = [erasure_of(row) for row in rows]
        return {erasure.id: erasure for erasure in found}

    async def tombstone(self, scope: AccessScope, kind: TombstoneKind, ref: str) -> Tombstone | None:
        stone = tombstones.select().where(
            tombstones.c.tenant_id == scope.tenant_id, tombstones.c.kind == kind, tombstones.c.id == ref
        )
        row = (await self._connection.execute(stone)).first()
        return None if row is None else tombstone_of(row)

    async def hide_document(self, scope: AccessScope, document_id: DocumentId, name: str, now: datetime) -> bool:
        await hiding.hold_jobs(self._connection, jobs_of_document(document_id))
        if not await erased_documents.lock_document(self._connection, scope.tenant_id, document_id):
            return False
        return await hiding.hide_document(self._connection, document_id, name, now)

    async def hide_corpus(self, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> bool:
        return await hiding.hide_corpus(self._connection, corpus_id, now)

    async def revisions(self, scope: AccessScope, document_id: DocumentId, *, hold: bool) -> Sequence[int]:
        if hold and not await erased_documents.lock_document(self._connection, scope.tenant_id, document_id):
            return []
        every = sa.select(revisions.c.number).join(documents).where(_document(scope, document_id))
        return list((await self._connection.execute(every.order_by(revisions.c.number))).scalars())

    async def builds_of(self, scope: AccessScope, document_id: DocumentId) -> Sequence[BuiltMember]:
        place = (chunks.c.revision, chunks.c.fingerprint)
        every = sa.select(*place).join(documents, documents.c.id == chunks.c.document_id).distinct()
        rows = await self._connection.execute(every.where(_document(scope, document_id)).order_by(*place))
        return [(Member(document_id=document_id, revision=row.revision), Fingerprint(row.fingerprint)) for row in rows]

    async def answers(
        self, scope: AccessScope, *, since: datetime, after: AnswerId | None, limit: int
    ) -> Sequence[Answer]:
        given = sa.select(answers.c.body).where(
            answers.c.tenant_id == scope.tenant_id, answers.c.created_at >= since, answers.c.id > (after or "")
        )
        bodies = (await self._connection.execute(given.order_by(answers.c.id).limit(limit))).scalars()
        return [_ANSWER.validate_json(body) for body in bodies]

    async def answers_about(
        self, scope: AccessScope, erasure: Erasure, *, also: Collection[AnswerId] = (), limit: int | None = None
    ) -> Sequence[AnswerPlace]:
        return await erased_answers.answers_about(self._connection, scope.tenant_id, erasure, also=also, limit=limit)

    async def remove_answers(self, scope: AccessScope, answers: Sequence[Tombstone]) -> Removal:
        await self._bury(answers)
        return await erased_answers.remove_answers(self._connection, scope.tenant_id, [one.id for one in answers])

    async def remove_person(self, scope: AccessScope, end_user: str) -> Removal:
        return await erased_answers.remove_person(self._connection, scope.tenant_id, end_user)

    async def remove_replies(self, scope: AccessScope, erasure_id: ErasureId, ids: Collection[str]) -> Removal:
        named = buried(scope.tenant_id, erasure_id, *TombstoneKind)
        gone = (await self._connection.execute(named)).scalars()
        return await remove_replies(self._connection, scope.tenant_id, {*ids, *gone})

    async def without(
        self, scope: AccessScope, document_id: DocumentId, terms: Mapping[BuiltMember, DocumentFrequencies]
    ) -> Rewriting:
        return await rewriting_of(self._connection, scope.tenant_id, document_id, terms)

    async def remove_document(
        self, scope: AccessScope, tombstone: Tombstone, rewriting: Rewriting | None
    ) -> tuple[Removal, ErasurePlan]:
        document_id = DocumentId(tombstone.id)
        if not await erased_documents.lock_document(self._connection, scope.tenant_id, document_id):
            return Removal(), ErasurePlan()
        removal = Removal()
        if rewriting is not None:
            tables = await rewrite(self._connection, scope.tenant_id, document_id, rewriting)
            removal = Removal(removed={"document_frequencies": tables})
        gone = await erased_documents.remove_document(self._connection, scope.tenant_id, document_id)
        files = [replace(tombstone, kind=TombstoneKind.FILE, id=file_id) for file_id in gone.file_ids]
        await self._bury([tombstone, *files])
        return removal.plus(gone.removal), gone.plan

    async def documents_of(self, scope: AccessScope, corpus_id: CorpusId, *, limit: int) -> Sequence[DocumentId]:
        some = sa.select(documents.c.id).where(
            documents.c.tenant_id == scope.tenant_id, documents.c.corpus_id == corpus_id
        )
        # All at once and in order, as who keeps results locks them: in another order the two could wait for each other.
        held = some.order_by(documents.c.id).limit(limit).with_for_update()
        return [DocumentId(one) for one in (await self._connection.execute(held)).scalars()]

    async def remove_corpus(self, scope: AccessScope, corpus_id: CorpusId) -> Removal:
        return await remove_corpus(self._connection, scope.tenant_id, corpus_id)

    async def remove_strayed_vectors(self, scope: AccessScope) -> Removal:
        return await remove_strayed_vectors(self._connection, scope.tenant_id)

    async def note(self, scope: AccessScope, erasure: Erasure) -> None:
        one = erasures.update().where(_mine(scope), erasures.c.id == erasure.id)
        await self._connection.execute(one.values(values_of(erasure)))

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Mapping[str, int]:
        return await probe(self._connection, erasure)

    async def _bury(self, stones: Sequence[Tombstone]) -> None:
        new = insert_into(self._connection, tombstones)
        place = [tombstones.c.kind, tombstones.c.id]
        again = {name: new.excluded[name] for name in ("erasure_id", "erased_at")}
        # Only people come back: what was erased stays under its first erasure.
        later = new.on_conflict_do_update(
            index_elements=place, set_=again, where=tombstones.c.kind == TombstoneKind.PERSON
        )
        for batch in batches(stones):
            await self._connection.execute(later, [asdict(stone) for stone in batch])


def _mine(scope: AccessScope) -> sa.ColumnElement[bool]:
    return erasures.c.tenant_id == scope.tenant_id


def _document(scope: AccessScope, document_id: DocumentId) -> sa.ColumnElement[bool]:
    return sa.and_(documents.c.tenant_id == scope.tenant_id, documents.c.id == document_id)
