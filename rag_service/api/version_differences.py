"""What differs between two versions, as replies."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rag_service.domain.differences import DiffedDocument, DocumentDiff, VersionDiff
from rag_service.domain.text_differences import Hunk


class DifferingDocument(BaseModel):
    """A document that is not the same in both versions; a revision is null where the document is absent."""

    document_id: str
    document_key: str
    revision_before: int | None
    revision_after: int | None


class ChunkCounts(BaseModel):
    """Chunks of the documents that differ; kept ones are not embedded again."""

    added: int
    removed: int
    kept: int


class TokenCounts(BaseModel):
    """Tokens of the chunks that were added and removed."""

    added: int
    removed: int


class _Compared(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    before: int = Field(alias="from")
    after: int = Field(alias="to")


class VersionDifferenceOut(_Compared):
    """The way from one version to another, documents by key."""

    object: Literal["corpus.version.diff"] = "corpus.version.diff"
    added: list[DifferingDocument]
    removed: list[DifferingDocument]
    changed: list[DifferingDocument]
    chunks: ChunkCounts
    tokens: TokenCounts


class Run(BaseModel):
    """Words that share a fate."""

    kind: Literal["kept", "removed", "added"]
    text: str


class HunkOut(BaseModel):
    """Paragraphs that changed; the starts are offsets in code points, `runs` tells the same word by word."""

    start_before: int
    start_after: int
    removed: str
    added: str
    runs: list[Run]


class DocumentDifferenceOut(_Compared):
    """How the text of one document differs."""

    object: Literal["corpus.version.document_diff"] = "corpus.version.document_diff"
    document: DifferingDocument
    hunks: list[HunkOut]


def version_difference_out(difference: VersionDiff) -> VersionDifferenceOut:
    """Return what differs, as it is written in replies."""
    return VersionDifferenceOut(
        before=difference.before,
        after=difference.after,
        added=[_document(document) for document in difference.added],
        removed=[_document(document) for document in difference.removed],
        changed=[_document(document) for document in difference.changed],
        chunks=ChunkCounts(
            added=difference.chunks_added, removed=difference.chunks_removed, kept=difference.chunks_kept
        ),
        tokens=TokenCounts(added=difference.tokens_added, removed=difference.tokens_removed),
    )


def document_difference_out(difference: DocumentDiff, *, before: int, after: int) -> DocumentDifferenceOut:
    """Return how a document differs, as it is written in replies."""
    return DocumentDifferenceOut(
        before=before,
        after=after,
        document=_document(difference.document),
        hunks=[_hunk(hunk) for hunk in difference.hunks],
    )


def _document(document: DiffedDocument) -> DifferingDocument:
    return DifferingDocument(
        document_id=document.document_id,
        document_key=document.key,
        revision_before=document.revision_before,
        revision_after=document.revision_after,
    )


def _hunk(hunk: Hunk) -> HunkOut:
    return HunkOut(
        start_before=hunk.start_before,
        start_after=hunk.start_after,
        removed=hunk.removed,
        added=hunk.added,
        runs=[Run(kind=run.kind.value, text=run.text) for run in hunk.runs],
    )
