"""The content gaps of a corpus: found and listed by the page's script, because that takes seconds."""

from fastapi import APIRouter, Request, Response

from rag_service.api.dependencies import container_of
from rag_service.use_cases.golden import corpus_to_evaluate
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn

router = APIRouter(route_class=PageRoute, prefix="/evaluations")

_WINDOWS = (7, 30, 90, 365)


@router.get("/corpora/{corpus_id}/gaps")
async def gaps_page(request: Request, session: SignedIn, corpus_id: str) -> Response:
    """Show what people ask of a corpus and its documents leave open, to those who may evaluate it."""
    parts = container_of(request)
    async with parts.catalog.reading() as tx:
        corpus = await corpus_to_evaluate(tx, session.key.scope(), corpus_id)
    days = parts.settings.evaluation.gap_days
    return render("gaps.html", session=session, corpus=corpus, windows=sorted({*_WINDOWS, days}), days=days)
