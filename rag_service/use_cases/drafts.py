"""Held drafts: changes that wait until a person publishes them."""

from collections.abc import Callable
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.drafts import LIVE_STATES, DescribedChange, Draft, DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import DocumentId, DraftId, new_id
from rag_service.domain.jobs import Job, JobKind, Priority, draft_job
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.job_queue import JobQueue
from rag_service.use_cases.draft_jobs import open_job_of
from rag_service.use_cases.names import checked_name
from rag_service.use_cases.permissions import require, require_one_of
from rag_service.use_cases.readable_versions import READERS


class ManageDrafts:
    """What people do with drafts; `draft` is an id or the name of a live one. What may not be done is NotFound."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime], queue: JobQueue) -> None:
        self._catalog = catalog
        self._clock = clock
        self._queue = queue

    async def open(self, scope: AccessScope, *, corpus: str, name: str, notes: str = "") -> Draft:
        """Open a draft on what is published now.

        Raises:
            InvalidRequest: the name cannot be used.
            Conflict: a live draft of the corpus has it.
        """
        require(scope, Permission.UPLOAD, kind="corpus", ref=corpus)
        checked = checked_name(name, of="draft")
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            draft = new_draft(target, name=checked, notes=notes, now=self._clock())
            await tx.drafts.add(scope, draft)
        return draft

    async def get(self, scope: AccessScope, *, corpus: str, draft: str) -> tuple[Draft, list[DescribedChange]]:
        """Return a draft and its changes to documents that the caller may see."""
        require_one_of(scope, READERS, kind="draft", ref=draft)
        async with self._catalog.reading() as tx:
            found = await _draft(tx, scope, corpus, draft)
            return found, await tx.drafts.described_changes(scope, found.id)

    async def remove_document(self, scope: AccessScope, *, corpus: str, draft: str, document_id: DocumentId) -> None:
        """Make the deletion of a document a change of the draft.

        Raises:
            Conflict: the draft is not open.
        """
        require(scope, Permission.UPLOAD, kind="draft", ref=draft)
        async with self._catalog.writing() as tx:
            found = await _draft(tx, scope, corpus, draft)
            document = await tx.documents.get(scope, document_id)
            await tx.drafts.set_changes(scope, found.id, [DraftChange(document_id=document.id, revision=None)])

    async def drop_change(self, scope: AccessScope, *, corpus: str, draft: str, document_id: DocumentId) -> None:
        """Take the change to a document out of the draft.

        Raises:
            Conflict: the draft is not open.
        """
        require(scope, Permission.UPLOAD, kind="draft", ref=draft)
        async with self._catalog.writing() as tx:
            found = await _draft(tx, scope, corpus, draft)
            document = await tx.documents.get(scope, document_id)
            await tx.drafts.drop_change(scope, found.id, document.id)

    async def discard(self, scope: AccessScope, *, corpus: str, draft: str) -> None:
        """Close an open draft for good.

        Raises:
            Conflict: it is not open, is automatic, or is about to be sealed.
        """
        require(scope, Permission.PUBLISH, kind="draft", ref=draft)
        async with self._catalog.writing() as tx:
            found = await _draft(tx, scope, corpus, draft)
            await _assert_no_seal_waits(tx, scope, found)
            await tx.drafts.discard(scope, found.id)

    async def ask_for_seal(self, scope: AccessScope, *, corpus: str, draft: str, purpose: SealPurpose) -> Job:
        """Have a draft sealed for `purpose`, and return the job that does it.

        Raises:
            Conflict: it could not be sealed now: it conflicts with what is published since, is not complete
                (both by document key), or is in no state for it.
        """
        require(scope, Permission.PUBLISH, kind="draft", ref=draft)
        async with self._catalog.writing() as tx:
            found = await _draft(tx, scope, corpus, draft)
            if found.automatic and purpose is SealPurpose.PREVIEW:
                raise Conflict("The automatic draft publishes by itself. Open a draft of your own to preview changes.")
            if not (found.state is DraftState.SEALING and found.purpose is purpose):
                found = await tx.drafts.ask_for_seal(scope, found.id, purpose)
            job = await tx.jobs.add(self._job(found, JobKind.SEAL_DRAFT))
        await self._queue.announce([job])
        return job

    async def ask_for_unseal(self, scope: AccessScope, *, corpus: str, draft: str) -> Job:
        """Have a sealed draft opened again, also one whose seal failed half-way; return the job that does it.

        Raises:
            Conflict: it is not sealed, or a job is at work on its seal.
        """
        require(scope, Permission.PUBLISH, kind="draft", ref=draft)
        async with self._catalog.writing() as tx:
            found = await _draft(tx, scope, corpus, draft)
            if not found.holds_the_slot:
                raise Conflict(f"Draft {draft} is {found.state}, not sealed.")
            await _assert_no_seal_waits(tx, scope, found)
            job = await tx.jobs.add(self._job(found, JobKind.UNSEAL_DRAFT))
        await self._queue.announce([job])
        return job

    async def list(self, scope: AccessScope, *, corpus: str) -> list[Draft]:
        """Return the live drafts, newest first, the automatic one too."""
        require_one_of(scope, READERS, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            return await tx.drafts.list(scope, target.id, states=LIVE_STATES)

    def _job(self, draft: Draft, kind: JobKind) -> Job:
        return draft_job(draft, kind, now=self._clock(), priority=Priority.PERSON)


def new_draft(corpus: Corpus, *, name: str, notes: str, now: datetime) -> Draft:
    """Return an open held draft on what is published now."""
    return Draft(
        id=DraftId(new_id("draft_")),
        tenant_id=corpus.tenant_id,
        corpus_id=corpus.id,
        automatic=False,
        name=name,
        notes=notes,
        state=DraftState.OPEN,
        purpose=None,
        number=None,
        base=corpus.published,
        sealed_against=None,
        created_at=now,
    )


async def _draft(tx: Transaction, scope: AccessScope, corpus: str, ref: str) -> Draft:
    target = await tx.corpora.get(scope, corpus)
    return await tx.drafts.named(scope, target.id, ref)


async def _assert_no_seal_waits(tx: Transaction, scope: AccessScope, draft: Draft) -> None:
    if job := await open_job_of(tx, scope, draft, JobKind.SEAL_DRAFT):
        raise Conflict(f"Job {job.id} seals this draft. Cancel it first.")
