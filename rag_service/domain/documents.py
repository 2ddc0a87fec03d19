"""What people upload and what becomes of it: documents, revisions, blocks and chunks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, FileId, TenantId
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows
from rag_service.reasons import ReasonCode

Attributes = Mapping[str, str | float | bool]
"""Up to 16 caller-chosen values of a document, as in OpenAI's vector-store files."""


class BlockKind(StrEnum):
    """What a block of canonical text is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of canonical text with its place in the source.

    `level` is 1 to 6 for headings, else None. `page` counts from 1 where the format has pages.
    `bbox` is (left, top, right, bottom) in points from the page's top left corner. `table_rows` say which rows of the
    source its lines are, in order; empty for what is in no table.
    """

    span: Span
    kind: BlockKind
    level: int | None = None
    page: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    table_rows: tuple[TableRows, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """The canonical text (NFC) of a revision and its blocks, in reading order, not overlapping.

    `ocr_languages`, known of one just read, are those in which pages without a text layer were recognised ("deu+eng").
    Empty: such pages were left unread; None: there are none.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str | None = None
    page_count: int | None = None
    warnings: tuple[str, ...] = ()
    ocr_languages: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Raw bytes that were uploaded and belong to no corpus yet."""

    id: FileId
    tenant_id: TenantId
    filename: str
    purpose: str
    size_bytes: int
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A named thing in a corpus; its content is in revisions. `principals` may see it."""

    id: DocumentId
    tenant_id: TenantId
    corpus_id: CorpusId
    key: str
    principals: frozenset[str]
    created_at: datetime


class RevisionState(StrEnum):
    """How far a revision is."""

    PENDING = "pending"
    PREPARED = "prepared"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One immutable content of a document. `number` counts from 1 within the document.

    `language` is the ISO 639-1 code of the language that most of the text is in, None when it is unsure.
    """

    document_id: DocumentId
    number: int
    file_id: FileId
    filename: str
    media_type: str
    size_bytes: int
    raw_sha256: str
    parser_fingerprint: str
    state: RevisionState
    created_at: datetime
    attributes: Attributes = field(default_factory=dict)
    title: str | None = None
    text_sha256: str | None = None
    page_count: int | None = None
    chunk_count: int = 0
    language: str | None = None
    reason: ReasonCode | None = None
    reason_detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRevision:
    """What preparing a revision found in its file."""

    document_id: DocumentId
    number: int
    parsed: "ParsedDocument"
    chunk_count: int
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A span of a revision's canonical text: the unit of retrieval.

    `text` equals the span's characters. `headings` is the path of headings above it, outermost first.
    `page_starts` are (offset in canonical text, page) pairs in order; the first says the page at `span.start`.
    `table_rows` are the rows of tables that lie in the span.
    `embedded_sha256` is the hash of the text that is embedded: headings and text.
    """

    id: ChunkId
    document_id: DocumentId
    revision: int
    ordinal: int
    span: Span
    text: str
    headings: tuple[str, ...]
    page_starts: tuple[tuple[int, int], ...]
    token_count: int
    embedded_sha256: str
    table_rows: tuple[TableRows, ...] = ()


def embedded_text(headings: tuple[str, ...], text: str) -> str:
    """Return what is embedded for a chunk: its heading path on one line, then its text."""
    return f"{' > '.join(headings)}\n{text}" if headings else text


def page_at(page_starts: tuple[tuple[int, int], ...], offset: int) -> int | None:
    """Return the page that holds the character at `offset` of the canonical text, None without pages."""
    pages = [page for start, page in page_starts if start <= offset]
    return pages[-1] if pages else None
