"""Refusing what finds no room, before anything is read, looked up, routed or logged."""

import asyncio
import time

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_service.api import problems
from rag_service.api.admission import ARRIVAL, Admission, Arrival
from rag_service.api.edge import REQUEST_ID, request_id
from rag_service.api.metrics import Metrics

log = structlog.get_logger()

_CHAT = "/v1/chat/completions"
_STORES, _SEARCH = "/v1/vector_stores/", "/search"
_HEADERS = [(b"cache-control", b"no-store")]
_LOGGED_EVERY_S = 1.0


class EarlyRefusal:
    """Pure ASGI, outermost: a refusal takes a hundredth of the time of an answer.

    So five times as many requests as can be served leave nine tenths of the time for those that are.
    """

    def __init__(self, app: ASGIApp, *, admission: Admission, metrics: Metrics) -> None:
        self._app = app
        self._admission = admission
        self._metrics = metrics
        self._replies: dict[float, Response] = {}
        self._unlogged = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        route = _limited(scope)
        if route is None:
            await self._app(scope, receive, send)
        elif self._admission.is_full:
            await self._refuse(route, scope, send)
        else:
            await self._let_pass(scope, receive, send)

    async def _refuse(self, route: str, scope: Scope, send: Send) -> None:
        started = time.perf_counter()
        reply = self._reply()
        headers = [*reply.raw_headers, *_HEADERS, (REQUEST_ID.encode(), request_id(scope).encode())]
        await send({"type": "http.response.start", "status": reply.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})
        spent_s = time.perf_counter() - started
        self._metrics.count_request(method=scope["method"], route=route, status=reply.status_code, seconds=spent_s)
        self._note()

    def _reply(self) -> Response:
        """Return one that is there already: they differ in nothing but when to come again."""
        refusal = self._admission.refusal()
        if refusal.retry_after_s not in self._replies:
            self._replies[refusal.retry_after_s] = problems.reply_to(refusal)
        return self._replies[refusal.retry_after_s]

    def _note(self) -> None:
        """Count it for the log: a flood of requests must not become one of lines."""
        if not self._unlogged:
            asyncio.get_running_loop().call_later(_LOGGED_EVERY_S, self._log)
        self._unlogged += 1

    def _log(self) -> None:
        count, self._unlogged = self._unlogged, 0
        log.warning("requests_refused", count=count)

    async def _let_pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ARRIVAL] = arrival = Arrival(self._admission)

        async def received() -> Message:
            message = await receive()
            # A slow sender takes no room from others.
            if not message.get("more_body", False):
                arrival.begin()
            return message

        try:
            await self._app(scope, received, send)
        finally:
            arrival.end()


def _limited(scope: Scope) -> str | None:
    """Return the template of a route that only so many may use at once."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path: str = scope["path"]
    if path == _CHAT:
        return _CHAT
    return f"{_STORES}{{vector_store_id}}{_SEARCH}" if path.startswith(_STORES) and path.endswith(_SEARCH) else None
