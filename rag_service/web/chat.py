"""The chat page. Its script talks to the same API as every other client."""

from fastapi import APIRouter, Request, Response

from rag_service.api.dependencies import container_of
from rag_service.domain.access import Permission
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.sample import CORPUS_NAME, EXAMPLE_QUESTIONS
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn

router = APIRouter(route_class=PageRoute)


@router.get("/")
async def chat_page(request: Request, session: SignedIn, corpus: str = "") -> Response:
    """Show the chat over the corpora that the reader may ask."""
    scope = session.key.scope()
    async with container_of(request).catalog.reading() as tx:
        page = await tx.corpora.list(scope, PageRequest(limit=MAX_LIMIT, order="asc"))
    return render(
        "chat.html",
        session=session,
        corpora=page.items,
        chosen=corpus,
        may_ask=scope.may(Permission.CHAT),
        may_evaluate=scope.may(Permission.EVAL),
        may_upload=scope.may(Permission.UPLOAD),
        sample_corpus=CORPUS_NAME,
        examples=EXAMPLE_QUESTIONS,
    )
