"""A document as its uploader sees it."""

import mimetypes
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rag_service.domain.documents import Attributes, Document, Revision, RevisionState, StoredFile
from rag_service.domain.fingerprints import reads_alike
from rag_service.domain.ids import CorpusId, DocumentId
from rag_service.domain.jobs import Job

DOCUMENT_KEY = "document_key"
"""The attribute that names a document in its corpus; without it the file name does."""

FileStatus = Literal["in_progress", "completed", "failed"]


def key_of(filename: str, attributes: Attributes) -> str:
    """Return the key that an upload of this name and with these attributes gives its document."""
    return str(attributes.get(DOCUMENT_KEY) or filename)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFile:
    """A document at its newest revision. Completed means visible in the published version."""

    corpus_id: CorpusId
    revision: Revision
    status: FileStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file on its way into a corpus. `is_new_file`: it has no row yet.

    `principals` are those who may see its document when that is new, or open to everyone so far.
    """

    file: StoredFile
    is_new_file: bool
    attributes: Attributes
    principals: frozenset[str] | None = None

    @property
    def key(self) -> str:
        """The key under which later uploads of the same document are recognised."""
        return key_of(self.file.filename, self.attributes)

    def repeats(self, latest: Revision, *, parser_fingerprint: str, ocr_languages: str) -> bool:
        """Say whether this would make the same revision as `latest` once more."""
        return (
            latest.raw_sha256 == self.file.sha256
            and reads_alike(latest.parser_fingerprint, parser_fingerprint, ocr_languages=ocr_languages)
            and latest.state is not RevisionState.FAILED
            and dict(latest.attributes) == dict(self.attributes)
        )

    def revision(self, document_id: DocumentId, number: int, *, parser_fingerprint: str, now: datetime) -> Revision:
        """Return the revision that the file makes, before anything of it is read."""
        media_type, _ = mimetypes.guess_type(self.file.filename)
        return Revision(
            document_id=document_id,
            number=number,
            file_id=self.file.id,
            filename=self.file.filename,
            media_type=media_type or "application/octet-stream",
            size_bytes=self.file.size_bytes,
            raw_sha256=self.file.sha256,
            parser_fingerprint=parser_fingerprint,
            state=RevisionState.PENDING,
            # Its own time, not the file's: one file may be put into a corpus long after it was uploaded.
            created_at=now,
            attributes=dict(self.attributes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownUpload:
    """A document that is there, at its newest revision. Settled: that is published, or about to be; no removal waits."""

    document: Document
    latest: Revision
    is_published: bool
    is_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """Everything that accepting a file writes, apart from its place in a draft."""

    file: StoredFile
    is_new_file: bool
    document: Document
    is_new_document: bool
    revision: Revision
    job: Job


def status_of(revision: Revision, *, published: bool) -> FileStatus:
    """Return how far an upload is, for the person who waits for it."""
    if revision.state is RevisionState.FAILED:
        return "failed"
    return "completed" if published else "in_progress"
