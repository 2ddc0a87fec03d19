"""The library: corpora, and the files in one of them."""

from fastapi import APIRouter, Request, Response

from rag_service.api.dependencies import container_of
from rag_service.domain.access import Permission
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn

router = APIRouter(route_class=PageRoute)

ACCEPTED_ENDINGS = (".md", ".markdown", ".html", ".htm", ".xhtml", ".txt", ".text", ".pdf", ".docx")


@router.get("/library")
async def library_page(request: Request, session: SignedIn) -> Response:
    """Show the corpora with what is in them."""
    scope = session.key.scope()
    async with container_of(request).catalog.reading() as tx:
        page = await tx.corpora.list(scope, PageRequest(limit=MAX_LIMIT, order="asc"))
        shelves = [(corpus, await tx.corpora.file_counts(scope, corpus.id)) for corpus in page.items]
    return render("library.html", session=session, shelves=shelves, may_upload=scope.may(Permission.UPLOAD))


@router.get("/library/{corpus_id}")
async def corpus_page(request: Request, session: SignedIn, corpus_id: str) -> Response:
    """Show one corpus: its files are listed and watched by the page's script."""
    scope = session.key.scope()
    container = container_of(request)
    async with container.catalog.reading() as tx:
        corpus = await tx.corpora.get(scope, corpus_id)
    max_file_bytes = container.settings.uploads.max_file_bytes
    return render(
        "corpus.html",
        session=session,
        corpus=corpus,
        may_upload=scope.may(Permission.UPLOAD),
        accepted=",".join(ACCEPTED_ENDINGS),
        max_file_bytes=max_file_bytes,
        max_file_mib=f"{max_file_bytes / 2**20:.4g}",
    )
