"""Put an uploaded file into a corpus: one transaction writes revision, draft change and job."""

import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.documents import Attributes, Document, Revision, RevisionState, StoredFile
from rag_service.domain.ids import DocumentId, FileId, JobId, new_id
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.domain.uploads import CorpusFile, document_key, status_of
from rag_service.domain.versions import Corpus, DraftChange
from rag_service.errors import InvalidRequest
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.job_queue import JobQueue
from rag_service.use_cases.permissions import require

MAX_ATTRIBUTES = 16
MAX_ATTRIBUTE_CHARS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    file: StoredFile
    attributes: Attributes
    principals: frozenset[str] | None


class AcceptUpload:
    """Makes a file a revision of the document with its key, on the corpus's automatic draft."""

    def __init__(
        self, *, catalog: Catalog, queue: JobQueue, clock: Callable[[], datetime], parser_fingerprint: str
    ) -> None:
        self._catalog = catalog
        self._queue = queue
        self._clock = clock
        self._parser_fingerprint = parser_fingerprint

    async def __call__(
        self,
        scope: AccessScope,
        *,
        corpus: str,
        file_id: FileId,
        attributes: Attributes,
        principals: frozenset[str] | None = None,
    ) -> CorpusFile:
        """Accept the file; once this returns, it is never lost. Safe to repeat.

        The same bytes under the same parser change nothing and are returned as they are.
        `principals` are those who may see the document; None keeps what it has, at first everyone.

        Raises:
            NotFound: no such corpus or file, or the key may not upload.
            InvalidRequest: more attributes, or longer ones, than are kept.
        """
        require(scope, Permission.UPLOAD, kind="corpus", ref=corpus)
        _check(attributes)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            upload = _Upload(file=await tx.files.get(scope, file_id), attributes=attributes, principals=principals)
            document = await tx.documents.by_key(scope, target.id, document_key(upload.file.filename, attributes))
            latest = None
            if document is None:
                document = await self._add_document(tx, scope, target, upload)
            else:
                regranted = await self._grant(tx, scope, document, upload)
                latest = await tx.documents.latest_revision(scope, document.id)
                if latest and not regranted and self._is_unchanged(latest, upload):
                    return await self._keep(tx, scope, target, latest)
            revision = self._revision(document.id, (latest.number if latest else 0) + 1, upload)
            job = preparing_job(scope, revision, now=self._clock())
            await tx.documents.add_revision(scope, revision)
            await self._draft(tx, scope, target, revision)
            await tx.jobs.add(job)
        await self._queue.announce(job.id)
        return CorpusFile(corpus_id=target.id, revision=revision, status="in_progress")

    async def _add_document(self, tx: Transaction, scope: AccessScope, corpus: Corpus, upload: _Upload) -> Document:
        document = Document(
            id=DocumentId(new_id("doc_")),
            tenant_id=scope.tenant_id,
            corpus_id=corpus.id,
            key=document_key(upload.file.filename, upload.attributes),
            principals=upload.principals or frozenset({EVERYONE}),
            created_at=self._clock(),
        )
        await tx.documents.add(scope, document)
        return document

    async def _grant(self, tx: Transaction, scope: AccessScope, document: Document, upload: _Upload) -> bool:
        # Points carry the principals, so a document with other rights needs a revision with points of its own.
        if upload.principals is None or upload.principals == document.principals:
            return False
        await tx.documents.grant(scope, document.id, upload.principals)
        return True

    def _is_unchanged(self, latest: Revision, upload: _Upload) -> bool:
        return is_unchanged(latest, upload.file, upload.attributes, parser_fingerprint=self._parser_fingerprint)

    def _revision(self, document_id: DocumentId, number: int, upload: _Upload) -> Revision:
        # Its own time, not the file's: one file may be put into a corpus long after it was uploaded.
        made = new_revision(
            document_id, number, upload.file, upload.attributes, parser_fingerprint=self._parser_fingerprint
        )
        return replace(made, created_at=self._clock())

    async def _keep(self, tx: Transaction, scope: AccessScope, corpus: Corpus, latest: Revision) -> CorpusFile:
        # An unchanged file may have been removed since, and its upload means "have it in the corpus".
        published = await tx.documents.is_published(scope, latest)
        if not published or await tx.versions.removal_pending(scope, latest.document_id):
            await self._draft(tx, scope, corpus, latest)
        return CorpusFile(corpus_id=corpus.id, revision=latest, status=status_of(latest, published=published))

    async def _draft(self, tx: Transaction, scope: AccessScope, corpus: Corpus, revision: Revision) -> None:
        draft = await tx.versions.automatic_draft(scope, corpus.id, self._clock())
        change = DraftChange(document_id=revision.document_id, revision=revision.number)
        await tx.versions.set_change(scope, draft.id, change)


def is_unchanged(latest: Revision, file: StoredFile, attributes: Attributes, *, parser_fingerprint: str) -> bool:
    """Say whether a file with these attributes would make the same revision as `latest` once more."""
    return (
        latest.raw_sha256 == file.sha256
        and latest.parser_fingerprint == parser_fingerprint
        and latest.state is not RevisionState.FAILED
        and dict(latest.attributes) == dict(attributes)
    )


def new_revision(
    document_id: DocumentId, number: int, file: StoredFile, attributes: Attributes, *, parser_fingerprint: str
) -> Revision:
    """Return the revision that a file makes, before anything of it is read."""
    media_type, _ = mimetypes.guess_type(file.filename)
    return Revision(
        document_id=document_id,
        number=number,
        file_id=file.id,
        filename=file.filename,
        media_type=media_type or "application/octet-stream",
        size_bytes=file.size_bytes,
        raw_sha256=file.sha256,
        parser_fingerprint=parser_fingerprint,
        state=RevisionState.PENDING,
        created_at=file.created_at,
        attributes=dict(attributes),
    )


def preparing_job(scope: AccessScope, revision: Revision, *, now: datetime) -> Job:
    """Return the job that prepares a revision."""
    return new_job(scope, JobKind.PREPARE_REVISION, f"{revision.document_id}/{revision.number}", now=now)


def new_job(scope: AccessScope, kind: JobKind, subject: str, *, now: datetime) -> Job:
    """Return a job that waits to be claimed."""
    return Job(
        id=JobId(new_id("job_")),
        tenant_id=scope.tenant_id,
        kind=kind,
        subject=subject,
        state=JobState.QUEUED,
        attempts=0,
        fence=0,
        stage=None,
        done=0,
        total=None,
        reason=None,
        detail=None,
        created_at=now,
        not_before=now,
        lease_until=None,
    )


def _check(attributes: Attributes) -> None:
    too_long = any(
        len(name) > MAX_ATTRIBUTE_CHARS or len(str(value)) > MAX_ATTRIBUTE_CHARS for name, value in attributes.items()
    )
    if len(attributes) > MAX_ATTRIBUTES or too_long:
        raise InvalidRequest(
            f"A file has at most {MAX_ATTRIBUTES} attributes of {MAX_ATTRIBUTE_CHARS} characters.", param="attributes"
        )
