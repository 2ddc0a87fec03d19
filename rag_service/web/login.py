"""Signing in, by a one-time link or a key, and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from rag_service.api.dependencies import SESSION_COOKIE, container_of
from rag_service.domain.access import Session
from rag_service.errors import Unauthenticated
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn, is_our_form, is_same_site, keep_session

router = APIRouter(route_class=PageRoute)

_LINK_FAILED = "This sign-in link has been used or has expired."
_KEY_FAILED = "This key does not work. It may be mistyped, revoked or expired."


@router.get("/login")
async def login_page(token: str = "", next_page: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Show the way in. Opening a link does not spend it, so that link previews cannot."""
    return _page(token=token, next_page=next_page)


@router.post("/login")
async def login(
    request: Request,
    token: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
    next_page: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Spend the link, or take the key, and start a session."""
    if not is_same_site(request):
        return _page(next_page=next_page, problem="The form came from another site. Sign in here.", status_code=403)
    try:
        secret, _ = await _sign_in(request, token=token, key=key)
    except Unauthenticated:
        return _page(next_page=next_page, problem=_LINK_FAILED if token else _KEY_FAILED, status_code=401)
    response = RedirectResponse(_local(next_page), status_code=303)
    keep_session(request, response, secret)
    return response


@router.post("/logout")
async def logout(request: Request, session: SignedIn, csrf_token: Annotated[str, Form()] = "") -> Response:
    """End the session."""
    if not is_our_form(session, csrf_token):
        return _page(problem="The form was out of date. You are still signed in.", status_code=403)
    await container_of(request).keys.sign_out(request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return response


async def _sign_in(request: Request, *, token: str, key: str) -> tuple[str, Session]:
    keys = container_of(request).keys
    return await (keys.sign_in(token) if token else keys.sign_in_with_key(key.strip()))


def _page(*, token: str = "", next_page: str = "/", problem: str = "", status_code: int = 200) -> Response:
    return render(
        "login.html", status_code=status_code, token=token, next_page=_local(next_page), problem=problem, session=None
    )


def _local(path: str) -> str:
    # "//host" and "/\host" are other hosts to a browser.
    return path if path.startswith("/") and path[1:2] not in {"/", "\\"} else "/"
