"""What handlers receive: the container, the caller's access scope, the metrics."""

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from rag_service.api.metrics import Metrics
from rag_service.domain.access import AccessScope, Session
from rag_service.errors import DependencyUnavailable, Unauthenticated
from rag_service.use_cases.delegation import PRINCIPALS_HEADER, USER_HEADER

if TYPE_CHECKING:
    from rag_service.bootstrap import Container

SESSION_COOKIE = "rag_session"
CSRF_HEADER = "x-csrf-token"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = "bearer "


def container_of(connection: HTTPConnection) -> "Container":
    """Return the container, or raise DependencyUnavailable while the service is still starting."""
    container = getattr(connection.app.state, "container", None)
    if container is None:
        raise DependencyUnavailable("The service is starting.")
    return cast("Container", container)


def metrics_of(connection: HTTPConnection) -> Metrics:
    """Return the metrics of this application."""
    return cast("Metrics", connection.app.state.metrics)


async def current_scope(connection: HTTPConnection) -> AccessScope:
    """Return what the caller may see and do.

    A program shows its key as a bearer token, and may name the end user for whom it asks. A page has a session cookie and, for everything that
    writes, the session's CSRF token in a header.

    Raises:
        Unauthenticated: neither is there, or it does not work.
    """
    return await authorisation_of(connection)()


def authorisation_of(connection: HTTPConnection) -> Callable[[], Awaitable[AccessScope]]:
    """Return a call that authenticates the caller anew: replies that take long repeat it."""
    parts = container_of(connection)
    keys = parts.keys
    header = connection.headers.get("authorization")
    user, principals = connection.headers.get(USER_HEADER), connection.headers.get(PRINCIPALS_HEADER)
    if header is not None:
        secret = _bearer(header)

        async def authenticate_key() -> AccessScope:
            return parts.act_for(await keys.authenticate(secret), user=user, principals=principals)

        return authenticate_key
    cookie = connection.cookies.get(SESSION_COOKIE)
    if not cookie:
        raise Unauthenticated("You did not provide an API key. Send it as: Authorization: Bearer KEY")
    method, csrf_token = connection.scope["method"], connection.headers.get(CSRF_HEADER, "")

    async def authenticate_session() -> AccessScope:
        session = await keys.session(cookie)
        _check_csrf(session, method, csrf_token)
        return session.key.scope()

    return authenticate_session


def _bearer(header: str) -> str:
    secret = header[len(_BEARER) :].strip()
    if not header.lower().startswith(_BEARER) or not secret:
        raise Unauthenticated("The Authorization header must be: Bearer KEY")
    return secret


def _check_csrf(session: Session, method: str, csrf_token: str) -> None:
    if method not in _SAFE_METHODS and not hmac.compare_digest(session.csrf_token.encode(), csrf_token.encode()):
        raise Unauthenticated(f"The {CSRF_HEADER} header does not match the session. Load the page again.")


# A dependency that is no coroutine is called in another thread, at each request: asked for a value that lies here, that
# costs a tenth of a search.
async def _container(connection: HTTPConnection) -> "Container":
    return container_of(connection)


async def _metrics(connection: HTTPConnection) -> Metrics:
    return metrics_of(connection)


Parts = Annotated["Container", Depends(_container)]
Scope = Annotated[AccessScope, Depends(current_scope)]
Measured = Annotated[Metrics, Depends(_metrics)]
