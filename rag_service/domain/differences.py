"""What differs between two versions of a corpus, and between two texts of a document."""

from dataclasses import dataclass

from rag_service.domain.ids import DocumentId
from rag_service.domain.text_differences import Hunk


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffedDocument:
    """A document that is not the same in both versions; a revision is None where the document is absent."""

    document_id: DocumentId
    key: str
    revision_before: int | None
    revision_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDiff:
    """The way from version `before` to version `after`, documents by key.

    The chunks are those of these documents: `chunks_kept` says the same words under the same headings in both versions,
    so nothing of it is embedded again. Tokens are those of the chunks added and removed.
    """

    before: int
    after: int
    added: tuple[DiffedDocument, ...]
    removed: tuple[DiffedDocument, ...]
    changed: tuple[DiffedDocument, ...]
    chunks_added: int
    chunks_removed: int
    chunks_kept: int
    tokens_added: int
    tokens_removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDiff:
    """How the text of one document differs between two versions; the text is empty where the document is absent."""

    document: DiffedDocument
    hunks: tuple[Hunk, ...]
