"""A document as its uploader sees it."""

from dataclasses import dataclass
from typing import Literal

from rag_service.domain.documents import Attributes, Document, Revision, RevisionState, StoredFile
from rag_service.domain.ids import CorpusId
from rag_service.domain.jobs import Job

DOCUMENT_KEY = "document_key"
"""The attribute that names a document in its corpus; without it the file name does."""

FileStatus = Literal["in_progress", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFile:
    """A document at its newest revision. Completed means visible in the published version."""

    corpus_id: CorpusId
    revision: Revision
    status: FileStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownUpload:
    """A document that is there, at its newest revision. Settled: published, and no removal of it waits."""

    document: Document
    latest: Revision
    is_published: bool
    is_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """Everything that accepting a file writes, apart from its place in a draft."""

    file: StoredFile
    document: Document
    is_new_document: bool
    revision: Revision
    job: Job


def status_of(revision: Revision, *, published: bool) -> FileStatus:
    """Return how far an upload is, for the person who waits for it."""
    if revision.state is RevisionState.FAILED:
        return "failed"
    return "completed" if published else "in_progress"


def document_key(filename: str, attributes: Attributes) -> str:
    """Return the key under which later uploads of the same document are recognised."""
    return str(attributes.get(DOCUMENT_KEY) or filename)
