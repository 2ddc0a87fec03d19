"""The library: corpora, the files in one of them, and its versions."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from rag_service.api.dependencies import container_of
from rag_service.api.problems import status_of
from rag_service.domain.access import Permission, Session
from rag_service.domain.file_endings import READ_ENDINGS
from rag_service.domain.ids import GoldenId
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.errors import Conflict, InvalidRequest
from rag_service.web.corpus_versions import history_of, when
from rag_service.web.draft_gates import AcceptedForm
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn, is_our_form

router = APIRouter(route_class=PageRoute)


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
    return await _corpus_page(request, session, corpus_id)


@router.post("/library/{corpus_id}/versions/{number}/publish")
async def publish_version(
    request: Request, session: SignedIn, corpus_id: str, number: int, csrf_token: Annotated[str, Form()] = ""
) -> Response:
    """Make a version the published one and show the corpus again."""
    if not is_our_form(session, csrf_token):
        problem = "The form was out of date. Nothing was published."
        return await _corpus_page(request, session, corpus_id, problem=problem, status_code=403)
    try:
        await container_of(request).publish(session.key.scope(), corpus=corpus_id, number=number)
    except Conflict as exc:
        return await _corpus_page(request, session, corpus_id, problem=str(exc), status_code=409)
    return RedirectResponse(f"/library/{quote(corpus_id, safe='')}#versions", status_code=303)


@router.post("/library/{corpus_id}/drafts/{draft_id}/acceptances")
async def accept_regressions(
    request: Request, session: SignedIn, corpus_id: str, draft_id: str, form: Annotated[AcceptedForm, Form()]
) -> Response:
    """Accept that golden questions are worse with a draft and show the corpus again."""
    if not is_our_form(session, form.csrf_token):
        problem = "The form was out of date. Nothing was accepted."
        return await _corpus_page(request, session, corpus_id, problem=problem, status_code=403)
    accepted = [GoldenId(question_id) for question_id in form.question]
    try:
        await container_of(request).gates.accept(
            session.key.scope(), corpus=corpus_id, draft=draft_id, question_ids=accepted, reason=form.reason
        )
    except (Conflict, InvalidRequest) as exc:
        status_code = status_of(type(exc))
        return await _corpus_page(request, session, corpus_id, problem=str(exc), status_code=status_code)
    return RedirectResponse(f"/library/{quote(corpus_id, safe='')}#versions", status_code=303)


async def _corpus_page(
    request: Request, session: Session, corpus_id: str, *, problem: str = "", status_code: int = 200
) -> Response:
    scope = session.key.scope()
    container = container_of(request)
    async with container.catalog.reading() as tx:
        corpus = await tx.corpora.get(scope, corpus_id)
    max_file_bytes = container.settings.uploads.max_file_bytes
    return render(
        "corpus.html",
        status_code=status_code,
        session=session,
        corpus=corpus,
        may_upload=scope.may(Permission.UPLOAD),
        may_evaluate=scope.may(Permission.EVAL),
        accepted=",".join(READ_ENDINGS),
        max_file_bytes=max_file_bytes,
        max_file_mib=f"{max_file_bytes / 2**20:.4g}",
        history=await history_of(container, scope, corpus),
        when=when,
        version_problem=problem,
    )
