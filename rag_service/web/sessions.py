"""The signed-in person behind a page."""

import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from rag_service.api.dependencies import SESSION_COOKIE, container_of
from rag_service.domain.access import Session
from rag_service.errors import Unauthenticated


async def _session(request: Request) -> Session:
    secret = request.cookies.get(SESSION_COOKIE)
    if not secret:
        raise Unauthenticated("Sign in to see this page.")
    return await container_of(request).keys.session(secret)


SignedIn = Annotated[Session, Depends(_session)]
"""A page's parameter of this type is the session; without one the reader is sent to sign in."""


def keep_session(request: Request, response: Response, secret: str) -> None:
    """Give the browser its session: unreadable by scripts, never sent on behalf of another site."""
    settings = container_of(request).settings
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=int(settings.security.session_hours * 3600),
        httponly=True,
        samesite="strict",
        secure=settings.public_url.startswith("https://"),
    )


def is_our_form(session: Session, csrf_token: str) -> bool:
    """Say whether a posted form came from a page of this session."""
    return hmac.compare_digest(session.csrf_token.encode(), csrf_token.encode())


def is_same_site(request: Request) -> bool:
    """Say whether a form without a session yet was posted by our own page."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
