"""Ask for an erasure: from then on nobody sees what it is about, and a job removes it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.erasures import (
    Erasure,
    ErasureKind,
    ErasurePlan,
    ErasureState,
    Tombstone,
    TombstoneKind,
    tombstone_of,
)
from rag_service.domain.ids import CorpusId, DocumentId, ErasureId, new_id
from rag_service.domain.jobs import Job, JobKind, Priority, new_job
from rag_service.errors import NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.erasure_log import ErasureLog
from rag_service.ports.job_queue import JobQueue
from rag_service.ports.signer import KeyedHash
from rag_service.use_cases.delegation import ActForEndUser
from rag_service.use_cases.erasing.read_erasures import require_erasing
from rag_service.use_cases.erasing.witnesses import of_document
from rag_service.use_cases.sources.barred import key_hash_of

_STONE = {
    ErasureKind.DOCUMENT: (TombstoneKind.DOCUMENT, "document_id"),
    ErasureKind.PERSON: (TombstoneKind.PERSON, "end_user"),
    ErasureKind.CORPUS: (TombstoneKind.CORPUS, "corpus_id"),
}


class RequestErasure:
    """Writes request, tombstone and job in one transaction, and the request into a log that backups do not replace.

    Every call may be repeated, and returns the same erasure; a person's, once that is done, a new one.
    `settle` is how long a worker may go on with a job that it has lost.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        log: ErasureLog,
        keyed_hash: KeyedHash,
        queue: JobQueue,
        clock: Callable[[], datetime],
        settle: timedelta,
    ) -> None:
        self._catalog = catalog
        self._log = log
        self._keyed_hash = keyed_hash
        self._name_of = ActForEndUser(keyed_hash).name_of
        self._queue = queue
        self._clock = clock
        self._settle = settle

    async def document(self, scope: AccessScope, document_id: DocumentId) -> Erasure:
        """Erase a document in all its revisions, with all answers that show it.

        Raises:
            NotFound: no such document, or the caller is no admin of the whole tenant.
        """
        require_erasing(scope, kind="document", ref=document_id)
        async with self._catalog.writing() as tx:
            stone = await tx.erasures.tombstone(scope, TombstoneKind.DOCUMENT, document_id)
            if stone is not None:
                corpus_id = str(stone.corpus_id)
            else:
                corpus_id = (await tx.documents.get(system_scope(scope.tenant_id), document_id)).corpus_id
            subject = {"document_id": document_id, "corpus_id": corpus_id}
            erasure = await self._ask(tx, self._new(scope, ErasureKind.DOCUMENT, subject))
        return await self._acknowledge(erasure)

    async def person(self, scope: AccessScope, user: str) -> Erasure:
        """Erase what is kept of an end user, who is named as the application names them; the name is not kept.

        Raises:
            InvalidRequest: the name is empty or too long.
            NotFound: the caller is no admin of the whole tenant.
        """
        require_erasing(scope, kind="endpoint", ref="/v1/erasures")
        subject = {"end_user": self._name_of(scope, user)}
        async with self._catalog.writing() as tx:
            erasure = await self._ask(tx, self._new(scope, ErasureKind.PERSON, subject))
        return await self._acknowledge(erasure)

    async def corpus(self, scope: AccessScope, ref: str) -> Erasure:
        """Erase a corpus, by id or name, with its documents, versions and answers.

        Raises:
            NotFound: no such corpus, or the caller is no admin of the whole tenant.
        """
        require_erasing(scope, kind="corpus", ref=ref)
        async with self._catalog.writing() as tx:
            stone = await tx.erasures.tombstone(scope, TombstoneKind.CORPUS, ref)
            corpus_id = stone.id if stone is not None else (await tx.corpora.get(scope, ref)).id
            erasure = await self._ask(tx, self._new(scope, ErasureKind.CORPUS, {"corpus_id": corpus_id}))
        return await self._acknowledge(erasure)

    async def again(self, erasure: Erasure) -> None:
        """Ask anew for an erasure that a restored catalog does not know, or that it has not finished."""
        async with self._catalog.writing() as tx:
            asked = await self._ask(tx, erasure, is_replayed=True)
            if asked.state is not ErasureState.DONE:
                await tx.jobs.add(_job_of(asked, self._clock()))
        await self._queue_job(asked)

    def _new(self, scope: AccessScope, kind: ErasureKind, subject: dict[str, str]) -> Erasure:
        return Erasure(
            id=ErasureId(new_id("erasure_")),
            tenant_id=scope.tenant_id,
            kind=kind,
            subject=subject,
            requested_by=scope.key_id,
            created_at=self._clock(),
        )

    async def _ask(self, tx: Transaction, erasure: Erasure, *, is_replayed: bool = False) -> Erasure:
        """Hide what an erasure is about, and keep the request; return the one that is there already instead."""
        scope = system_scope(erasure.tenant_id)
        principals = await _principals(tx, scope, erasure)
        key_hash = await self._key_hash(tx, scope, erasure)
        # The lock that this takes decides between two requests at once.
        had_worker = await self._hide(tx, scope, erasure)
        known = await _known(tx, scope, erasure, is_replayed=is_replayed)
        if known is not None:
            return known
        settles_at = self._clock() + self._settle if had_worker else None
        erasure = replace(erasure, plan=ErasurePlan(settles_at=settles_at))
        await tx.erasures.add(scope, erasure, [self._stone(erasure, principals)])
        if key_hash is not None:
            await tx.sources.bar(scope, CorpusId(erasure.subject["corpus_id"]), key_hash, erasure.id)
        await tx.jobs.add(_job_of(erasure, self._clock()))
        return erasure

    async def _key_hash(self, tx: Transaction, scope: AccessScope, erasure: Erasure) -> str | None:
        """Return what a source recognises a document by that it is not to bring again; None when there is no document."""
        if erasure.kind is not ErasureKind.DOCUMENT:
            return None
        try:
            document = await tx.documents.get(scope, DocumentId(erasure.subject["document_id"]))
        except NotFound:
            return None
        return key_hash_of(self._keyed_hash, document.corpus_id, document.key)

    async def _hide(self, tx: Transaction, scope: AccessScope, erasure: Erasure) -> bool:
        now, subject = self._clock(), erasure.subject
        match erasure.kind:
            case ErasureKind.DOCUMENT:
                return await tx.erasures.hide_document(scope, DocumentId(subject["document_id"]), erasure.id, now)
            case ErasureKind.CORPUS:
                return await tx.erasures.hide_corpus(scope, CorpusId(subject["corpus_id"]), now)
            case ErasureKind.PERSON:
                return False  # the tombstone hides it

    def _stone(self, erasure: Erasure, principals: frozenset[str]) -> Tombstone:
        kind, of = _STONE[erasure.kind]
        corpus_id = erasure.subject.get("corpus_id")
        return tombstone_of(
            erasure,
            kind,
            erasure.subject[of],
            corpus_id=None if corpus_id is None else CorpusId(corpus_id),
            principals=of_document(self._keyed_hash, erasure.tenant_id, principals),
        )

    async def _acknowledge(self, erasure: Erasure) -> Erasure:
        # Before the answer: what was promised must outlive the catalog.
        await self._log.append(erasure)
        await self._queue_job(erasure)
        return erasure

    async def _queue_job(self, erasure: Erasure) -> None:
        async with self._catalog.reading() as tx:
            jobs = await tx.jobs.of_subject(system_scope(erasure.tenant_id), erasure.id)
        await self._queue.announce(jobs[:1])


async def _principals(tx: Transaction, scope: AccessScope, erasure: Erasure) -> frozenset[str]:
    if erasure.kind is not ErasureKind.DOCUMENT:
        return frozenset()
    document_id = DocumentId(erasure.subject["document_id"])
    return (await tx.documents.principals(scope, [document_id])).get(document_id, frozenset())


async def _known(tx: Transaction, scope: AccessScope, erasure: Erasure, *, is_replayed: bool) -> Erasure | None:
    kind, of = _STONE[erasure.kind]
    with suppress(NotFound):
        return await tx.erasures.get(scope, erasure.id)
    stone = await tx.erasures.tombstone(scope, kind, erasure.subject[of])
    if stone is None:
        return None
    try:
        known = await tx.erasures.get(scope, stone.erasure_id)
    except NotFound:
        return None
    # Each request about a person reaches up to its own moment: one that was logged is not covered by an earlier one.
    is_another = erasure.kind is ErasureKind.PERSON and (is_replayed or known.state is ErasureState.DONE)
    return None if is_another else known


def _job_of(erasure: Erasure, now: datetime) -> Job:
    return new_job(erasure.tenant_id, JobKind.ERASE, erasure.id, now=now, priority=Priority.PERSON)
