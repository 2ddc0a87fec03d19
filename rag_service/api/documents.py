"""/v1/documents: the text of a revision, exactly as citations count it, and who may see a document."""

from itertools import groupby
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.texts import Name, Ref
from rag_service.domain.documents import Block, ParsedDocument, Revision
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import DocumentId
from rag_service.domain.spans import sha256_of
from rag_service.domain.table_rows import location_of

router = APIRouter(prefix="/v1/documents", tags=["documents"])

RevisionNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


class PageOut(BaseModel):
    """The characters of one page."""

    page: int
    start: int
    end: int


class BlockOut(BaseModel):
    """A piece of the text with its place in the source; `bbox` is left, top, right, bottom in points.

    `location` is the place of a table's rows: cells of a sheet in A1 notation, else rows in words.
    """

    start: int
    end: int
    kind: str
    level: int | None
    page: int | None
    bbox: tuple[float, float, float, float] | None
    location: str | None


class NewPrincipals(BaseModel):
    """Who may see a document from now on, at every version."""

    model_config = ConfigDict(strict=True, extra="forbid")

    principals: Annotated[list[Name], Field(min_length=1, max_length=64)]


class PrincipalsOut(BaseModel):
    """Who may see a document."""

    object: Literal["document.principals"] = "document.principals"
    document_id: str
    principals: list[str]


class RevisionText(BaseModel):
    """Canonical text. All offsets count Unicode code points, half-open."""

    object: Literal["document.revision.text"] = "document.revision.text"
    document_id: str
    revision: int
    filename: str
    title: str | None
    text: str
    text_sha256: str
    page_count: int | None
    language: str | None
    pages: list[PageOut]
    blocks: list[BlockOut]
    warnings: list[str]


@router.get("/{document_id}/revisions/{number}/text")
async def read_revision_text(parts: Parts, scope: Scope, document_id: Ref, number: RevisionNumber) -> RevisionText:
    """Return the text that citations of this revision point into."""
    async with parts.tell_erased(scope, TombstoneKind.DOCUMENT, document_id):
        return _revision_text(*await parts.read_revision_text(scope, DocumentId(document_id), number))


@router.put("/{document_id}/principals")
async def grant_document(parts: Parts, scope: Scope, document_id: Ref, body: NewPrincipals) -> PrincipalsOut:
    """Replace who may see a document. Narrower rights count at once, wider ones when this returns."""
    document = await parts.grant_document(scope, DocumentId(document_id), frozenset(body.principals))
    return PrincipalsOut(document_id=document.id, principals=sorted(document.principals))


def _revision_text(revision: Revision, parsed: ParsedDocument) -> RevisionText:
    return RevisionText(
        document_id=revision.document_id,
        revision=revision.number,
        filename=revision.filename,
        title=parsed.title,
        text=parsed.text,
        text_sha256=revision.text_sha256 or sha256_of(parsed.text),
        page_count=parsed.page_count,
        language=revision.language,
        pages=_pages(parsed),
        blocks=[_block(block, parsed.text) for block in parsed.blocks],
        warnings=list(parsed.warnings),
    )


def _pages(parsed: ParsedDocument) -> list[PageOut]:
    groups = [(page, list(blocks)) for page, blocks in groupby(parsed.blocks, key=lambda block: block.page)]
    return [
        PageOut(page=page, start=blocks[0].span.start, end=blocks[-1].span.end)
        for page, blocks in groups
        if page is not None
    ]


def _block(block: Block, text: str) -> BlockOut:
    return BlockOut(
        start=block.span.start,
        end=block.span.end,
        kind=block.kind.value,
        level=block.level,
        page=block.page,
        bbox=block.bbox,
        location=location_of(block.table_rows, block.span, text=text, page=block.page),
    )
