"""The catalog: the SQL truth about tenants, documents, versions, jobs and answers.

A use case opens one transaction, calls its repositories, and closes it. Every repository call takes
the caller's scope: a row of another tenant, outside the scope's corpora or not granted to its principals is
NotFound, exactly like an absent one. Rules every backend keeps: tests/contract/test_catalog.py.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from rag_service.domain.access import AccessScope, ApiKey, Session
from rag_service.domain.answers import Answer, Feedback, Passage
from rag_service.domain.documents import Chunk, Document, ParsedDocument, PreparedRevision, Revision, StoredFile
from rag_service.domain.ids import (
    AnswerId,
    ChunkId,
    CorpusId,
    DocumentId,
    DraftId,
    FileId,
    Fingerprint,
    JobId,
    KeyId,
    TenantId,
)
from rag_service.domain.jobs import Job, JobKind
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.uploads import KnownUpload, NewUpload
from rag_service.domain.versions import Corpus, Draft, DraftChange, Member, Version, VersionDifference
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.reasons import ReasonCode


class Keys(Protocol):
    """API keys, login links and sessions. Secrets come in and are stored as SHA-256 hashes only."""

    async def add_tenant(self, tenant_id: TenantId, name: str) -> None:
        """Add a tenant."""

    async def has_any(self) -> bool:
        """Say whether any key exists at all: false only before the first start."""

    async def add(self, key: ApiKey, secret: str) -> None:
        """Add a key."""

    async def by_secret(self, secret: str) -> ApiKey | None:
        """Return the key with this secret, active or not."""

    async def list(self, scope: AccessScope) -> list[ApiKey]:
        """Return the tenant's keys, newest first, revoked ones too."""

    async def revoke(self, scope: AccessScope, key_id: KeyId, at: datetime) -> ApiKey:
        """Revoke a key and end its sessions; a second time changes nothing."""

    async def add_login_link(self, key_id: KeyId, secret: str, expires_at: datetime) -> None:
        """Keep a one-time login link."""

    async def use_login_link(self, secret: str, now: datetime) -> ApiKey | None:
        """Return the link's key and spend the link; None when unknown, spent or expired."""

    async def add_session(self, key_id: KeyId, secret: str, csrf_token: str, expires_at: datetime) -> None:
        """Keep a browser session."""

    async def session(self, secret: str, now: datetime) -> Session | None:
        """Return the session, None when unknown or expired or its key no longer works."""

    async def end_session(self, secret: str) -> None:
        """Forget a session; unknown ones are ignored."""


class Files(Protocol):
    """Uploaded raw files."""

    async def add(self, scope: AccessScope, file: StoredFile) -> None:
        """Add a file."""

    async def get(self, scope: AccessScope, file_id: FileId) -> StoredFile:
        """Return a file, or raise NotFound."""

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[StoredFile]:
        """Return files by time of upload."""

    async def delete(self, scope: AccessScope, file_id: FileId) -> None:
        """Remove the file's row, or raise NotFound; Conflict while a revision was made from it."""


class Corpora(Protocol):
    """Corpora and the one row that says what is published."""

    async def add(self, scope: AccessScope, corpus: Corpus) -> None:
        """Add a corpus; Conflict when the tenant has one of that name."""

    async def get(self, scope: AccessScope, ref: str) -> Corpus:
        """Return the corpus with this id or name, or raise NotFound."""

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[Corpus]:
        """Return the corpora in scope by time of creation."""

    async def next_number(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        """Take and return the next version number; never the same twice."""

    async def publish(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> None:
        """Make version `number` the published one: one row update. NotFound when it is not sealed."""

    async def file_counts(self, scope: AccessScope, corpus_id: CorpusId) -> Mapping[str, int]:
        """Return in_progress, completed, failed, total and size_bytes of the documents, each at its newest revision.

        Completed means visible in the published version.
        """


class Documents(Protocol):
    """Documents and their revisions."""

    async def add(self, scope: AccessScope, document: Document) -> None:
        """Add a document; Conflict when its key is taken in the corpus."""

    async def get(self, scope: AccessScope, document_id: DocumentId) -> Document:
        """Return a document the scope may see, or raise NotFound."""

    async def by_key(self, scope: AccessScope, corpus_id: CorpusId, key: str) -> Document | None:
        """Return the document with this key in the corpus, None when there is none."""

    async def grant(self, scope: AccessScope, document_id: DocumentId, principals: frozenset[str]) -> None:
        """Replace who may see a document."""

    async def principals(
        self, scope: AccessScope, document_ids: Sequence[DocumentId]
    ) -> dict[DocumentId, frozenset[str]]:
        """Return who may see each of the documents, for writing points; unknown ones are left out."""

    async def add_revision(self, scope: AccessScope, revision: Revision) -> None:
        """Add a revision; Conflict when the number is taken."""

    async def revision(self, scope: AccessScope, document_id: DocumentId, number: int) -> Revision:
        """Return a revision of a document the scope may see, or raise NotFound."""

    async def revisions(self, scope: AccessScope, members: Sequence[Member]) -> dict[Member, Revision]:
        """Return those of the revisions that exist and the scope may see, in few statements."""

    async def latest_revision(self, scope: AccessScope, document_id: DocumentId) -> Revision | None:
        """Return the newest revision of a document, whatever its state."""

    async def by_file(self, scope: AccessScope, corpus_id: CorpusId, file_id: FileId) -> Revision:
        """Return the newest revision made from a file in a corpus, or raise NotFound."""

    async def list_revisions(
        self, scope: AccessScope, corpus_id: CorpusId, page: PageRequest, *, status: str | None = None
    ) -> Page[Revision]:
        """Return the newest revision of each live document, by time of creation; cursors are file ids.

        `status` narrows to "in_progress", "completed" (visible in the published version) or "failed".
        """

    async def mark_prepared(self, scope: AccessScope, prepared: Sequence[PreparedRevision]) -> None:
        """Note that text, chunks and vectors of revisions are complete, or raise NotFound. Safe to repeat."""

    async def mark_failed(
        self, scope: AccessScope, document_id: DocumentId, number: int, *, reason: ReasonCode, detail: str
    ) -> None:
        """Note why a revision cannot be prepared; a prepared one is left as it is."""

    async def is_published(self, scope: AccessScope, revision: Revision) -> bool:
        """Say whether the revision is visible in the published version of its corpus."""

    async def parsed(self, scope: AccessScope, document_id: DocumentId, number: int) -> ParsedDocument:
        """Return canonical text and blocks of a prepared revision, or raise NotFound."""


class Chunks(Protocol):
    """Chunks of revisions, and passages read from them with rights checked."""

    async def replace(
        self,
        scope: AccessScope,
        fingerprint: Fingerprint,
        chunks: Mapping[Member, Sequence[Chunk]],
    ) -> None:
        """Set the chunks of revisions under a build, or raise NotFound and set none. Safe to repeat."""

    async def of_revision(
        self, scope: AccessScope, fingerprint: Fingerprint, document_id: DocumentId, revision: int
    ) -> list[Chunk]:
        """Return the chunks of a revision under a build, by ordinal."""

    async def of_members(
        self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]
    ) -> dict[Member, list[Chunk]]:
        """Return the chunks of each member under a build, by ordinal, in few statements."""

    async def count(self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]) -> int:
        """Return how many chunks the members have under a build."""

    async def passages(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId]
    ) -> dict[ChunkId, Passage]:
        """Return the chunks that the scope may see at this version, as passages without rank and scores (0).

        What is absent, foreign, not granted or not visible at `version` is left out.
        """


class Versions(Protocol):
    """Drafts, memberships and sealed versions."""

    async def automatic_draft(self, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> Draft:
        """Return the open automatic draft of a corpus, made when there is none."""

    async def draft(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        """Return a draft, or raise NotFound."""

    async def set_change(self, scope: AccessScope, draft_id: DraftId, change: DraftChange) -> None:
        """Put a change into an open draft, in place of an earlier one to the same document.

        Raises:
            Conflict: the draft is no longer open.
        """

    async def changes(self, scope: AccessScope, draft_id: DraftId) -> list[DraftChange]:
        """Return the changes of a draft."""

    async def removal_pending(self, scope: AccessScope, document_id: DocumentId) -> bool:
        """Say whether a draft that is open or sealing deletes the document."""

    async def due_drafts(self, now: datetime, *, patience: timedelta) -> list[Draft]:
        """Return, over all tenants, the open automatic drafts that should seal now.

        Due is a draft with a ready change (prepared revision or deletion) when none of its revisions is
        pending any more, or when its first ready change is older than `patience`. No draft of a corpus is due
        while another of that corpus is sealing.
        """

    async def start_sealing(self, scope: AccessScope, draft_id: DraftId, now: datetime) -> Draft:
        """Give a draft its number and move what is not ready to a new automatic draft; failed changes are removed.

        A draft that is sealing already is returned as it is: a seal cut short goes on.

        Raises:
            Conflict: another draft of the corpus is sealing, or this one is published.
        """

    async def members(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        number: int,
        *,
        documents: Sequence[DocumentId] | None = None,
    ) -> frozenset[Member]:
        """Return what is visible at version `number`, of all documents or of some."""

    async def births(self, scope: AccessScope, corpus_id: CorpusId, members: Sequence[Member]) -> dict[Member, int]:
        """Return `born` of the open membership of each member that has one."""

    async def finish_sealing(
        self,
        scope: AccessScope,
        version: Version,
        difference: VersionDifference,
        frequencies: DocumentFrequencies,
    ) -> None:
        """Write memberships, frequencies and the version's row; the draft becomes published. Safe to repeat."""

    async def version(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> Version:
        """Return a sealed version, or raise NotFound."""

    async def list(self, scope: AccessScope, corpus_id: CorpusId) -> list[Version]:
        """Return the versions of a corpus, newest first."""

    async def frequencies(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> DocumentFrequencies:
        """Return the document frequencies frozen at version `number`; of nothing for version 0."""


class Jobs(Protocol):
    """The job table. Worker calls take no scope: a worker serves every tenant, and acts within the job's."""

    async def add(self, job: Job) -> None:
        """Add a job, in the transaction that creates its cause."""

    async def due(self, kinds: Sequence[JobKind], *, now: datetime, limit: int) -> list[Job]:
        """Return the oldest jobs that are due: queued, failed and past their pause, or running with their lease run out.

        Nobody else gets them before the transaction ends.
        """

    async def claim(self, due: Sequence[Job], *, now: datetime, lease: timedelta) -> list[Job]:
        """Take jobs that `due` returned in this transaction, and return them as they are now, in order.

        They become running with one more attempt, a fence one higher and a new lease.
        """

    async def extend(self, held: Sequence[Job], *, now: datetime, lease: timedelta) -> frozenset[JobId]:
        """Renew the leases of those jobs whose fence is the newest, and return their ids."""

    async def progress(self, job_id: JobId, fence: int, *, stage: str, done: int, total: int | None) -> None:
        """Note how far a job is, or raise LeaseLost."""

    async def assert_held(self, job_id: JobId, fence: int) -> None:
        """Raise LeaseLost unless this fence is the newest: call it in the transaction that writes results."""

    async def succeed(self, held: Sequence[Job]) -> frozenset[JobId]:
        """Close those jobs whose fence is the newest, and return their ids: results of others must not be written."""

    async def fail(
        self, job_id: JobId, fence: int, *, reason: ReasonCode, detail: str, retry_at: datetime | None
    ) -> Job:
        """Note a failure: failed until `retry_at`, or dead when that is None. Raises LeaseLost."""

    async def get(self, scope: AccessScope, job_id: JobId) -> Job:
        """Return a job of the tenant, or raise NotFound."""

    async def of_subject(self, scope: AccessScope, subject: str) -> list[Job]:
        """Return the jobs about a subject, newest first."""


class Imports(Protocol):
    """Many small documents at once, in a few statements; the rules are those of `Documents` and `Versions`."""

    async def known(self, scope: AccessScope, corpus_id: CorpusId, keys: Sequence[str]) -> dict[str, KnownUpload]:
        """Return what the corpus has under these keys, by key."""

    async def add(self, scope: AccessScope, draft_id: DraftId, uploads: Sequence[NewUpload]) -> None:
        """Write files, documents, revisions and jobs, and put the revisions into an open draft.

        Raises:
            Conflict: a key or a revision's number is taken, or the draft is no longer open.
        """

    async def keep(self, scope: AccessScope, draft_id: DraftId, members: Sequence[Member]) -> None:
        """Put revisions that are there already into an open draft."""


class Answers(Protocol):
    """Stored answers and what people thought of them."""

    async def add(self, scope: AccessScope, answer: Answer) -> None:
        """Keep an answer."""

    async def get(self, scope: AccessScope, answer_id: AnswerId) -> Answer:
        """Return an answer that this key gave; one with `admin` sees the tenant's. Else NotFound."""

    async def add_feedback(self, scope: AccessScope, feedback: Feedback) -> None:
        """Keep feedback, in place of the caller's earlier feedback on the same answer."""

    async def feedback(self, scope: AccessScope, answer_id: AnswerId) -> list[Feedback]:
        """Return the feedback on an answer the scope may see."""


class IdempotentReplies(Protocol):
    """Replies to writes that came with an Idempotency-Key."""

    async def find(self, scope: AccessScope, key: str) -> tuple[str, int, str] | None:
        """Return (request hash, status, body) kept for the caller's key, or None."""

    async def keep(self, scope: AccessScope, key: str, request_hash: str, status: int, body: str) -> None:
        """Keep a reply; Conflict when the caller's key has one already."""


class Transaction(Protocol):
    """The repositories, all in one database transaction."""

    keys: Keys
    files: Files
    corpora: Corpora
    documents: Documents
    chunks: Chunks
    versions: Versions
    jobs: Jobs
    imports: Imports
    answers: Answers
    replies: IdempotentReplies


class Catalog(Protocol):
    """Opens transactions.

    Raises:
        CatalogUnavailable: the database cannot be reached, or stayed locked.
    """

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that sees one state and writes nothing."""

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that commits when the block ends and rolls back when it raises."""
