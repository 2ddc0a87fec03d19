"""Where a citation leads: the text of a revision with the quote marked, as a page or as a part for the chat page."""

from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from rag_service.api.dependencies import container_of
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Revision
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import DocumentId
from rag_service.domain.spans import Span
from rag_service.web.highlights import View, clamp, view_around
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn

router = APIRouter(route_class=PageRoute)
excerpts = APIRouter()

PAGE_MARGIN = 100_000
EXCERPT_MARGIN = 2_500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    revision: Revision
    warnings: tuple[str, ...]
    quote: Span
    view: View


@router.get("/sources/{document_id}/{revision}")
async def source_page(
    request: Request, session: SignedIn, document_id: str, revision: int, start: int = 0, end: int = 0
) -> Response:
    """Show the text of a revision, from as far as one page can hold before the quote to as far after it."""
    source = await _read(request, session.key.scope(), document_id, revision, (start, end), margin=PAGE_MARGIN)
    return render(
        "source.html",
        session=session,
        revision=source.revision,
        warnings=source.warnings,
        blocks=source.view.blocks,
        quote=source.quote,
        window=source.view.window,
        text_chars=source.view.text_chars,
    )


@excerpts.get("/sources/{document_id}/{revision}/excerpt")
async def source_excerpt(
    request: Request, session: SignedIn, document_id: str, revision: int, start: int = 0, end: int = 0
) -> Response:
    """Return the surroundings of a quote, for the panel beside the chat."""
    source = await _read(request, session.key.scope(), document_id, revision, (start, end), margin=EXCERPT_MARGIN)
    content: dict[str, Any] = {
        "filename": source.revision.filename,
        "title": source.revision.title,
        "revision": source.revision.number,
        "language": source.revision.language,
        "blocks": [asdict(block) for block in source.view.blocks],
        "is_start": source.view.window.start == 0,
        "is_end": source.view.window.end == source.view.text_chars,
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


async def _read(
    request: Request, scope: AccessScope, document_id: str, number: int, offsets: tuple[int, int], *, margin: int
) -> _Source:
    parts = container_of(request)
    async with parts.tell_erased(scope, TombstoneKind.DOCUMENT, document_id):
        revision, parsed = await parts.read_revision_text(scope, DocumentId(document_id), number)
    quote = clamp(*offsets, len(parsed.text))
    view = view_around(parsed, quote, margin=margin)
    return _Source(revision=revision, warnings=parsed.warnings, quote=quote, view=view)
