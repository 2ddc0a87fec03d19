"""The golden questions of a corpus: listed, written and reviewed by the page's script."""

from fastapi import APIRouter, Request, Response

from rag_service.api.dependencies import container_of
from rag_service.domain.golden_content import MOST_CHARS
from rag_service.use_cases.golden import corpus_to_evaluate
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn

router = APIRouter(route_class=PageRoute)


@router.get("/library/{corpus_id}/golden")
async def golden_page(request: Request, session: SignedIn, corpus_id: str) -> Response:
    """Show the golden questions of a corpus, for those who may evaluate it."""
    async with container_of(request).catalog.reading() as tx:
        corpus = await corpus_to_evaluate(tx, session.key.scope(), corpus_id)
    return render("golden.html", session=session, corpus=corpus, most_chars=MOST_CHARS)
