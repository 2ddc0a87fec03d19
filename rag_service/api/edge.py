"""The outermost layer: request ids, the access log, metrics, and the reply to errors that nobody foresaw."""

import random
import re
import time
import traceback
from contextlib import suppress

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_service.api import problems
from rag_service.api.metrics import Metrics

log = structlog.get_logger()

REQUEST_ID = "x-request-id"
_HEADER = REQUEST_ID.encode()

_USABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOGGED_FRAMES = 8
_OUR_CODE = "rag_service"
_QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics"})
_OUR_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def request_id(scope: Scope) -> str:
    """Return the caller's request id where it is harmless to log, else a new one."""
    given = next((value for name, value in scope["headers"] if name == _HEADER), b"").decode("latin-1")
    # Nobody gains by guessing one, and asking the system for chance costs more than all the rest of a refusal.
    return given if _USABLE_ID.fullmatch(given) else f"req_{random.getrandbits(128):032x}"


class Edge:
    """Pure ASGI, so that streams and disconnects pass through untouched."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send, request_id=request_id(scope), is_api=scope["path"].startswith("/v1/"))
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=reply.request_id):
            try:
                await self._app(scope, receive, reply.send)
            except Exception as exc:  # noqa: BLE001  (the API's edge: the unknown becomes a 500 without details)
                log.error("request_crashed", **_origin(exc))  # noqa: TRY400  (frames only, see below)
                await reply.fail(scope, receive)
            finally:
                self._note(scope, reply, time.perf_counter() - started)

    def _note(self, scope: Scope, reply: "_Reply", seconds: float) -> None:
        # The template, not the path: ids would make a metric of their own each, and names are people's text.
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _OUR_METHODS else "other"
        self._metrics.count_request(method=method, route=route, status=reply.status, seconds=seconds)
        write = log.debug if route in _QUIET_ROUTES else log.info
        write("request_served", method=method, route=route, status=reply.status, duration_ms=round(seconds * 1000, 1))


class _Reply:
    """Watches a reply on its way out."""

    def __init__(self, send: Send, *, request_id: str, is_api: bool) -> None:
        self._send = send
        self._is_api = is_api
        self._is_event_stream = False
        self._is_started = False
        self.request_id = request_id
        self.status = 499  # as nginx says it: the client went before a reply began

    async def send(self, message: Message) -> None:
        """Pass a message on; the first gets our headers."""
        if message["type"] == "http.response.start":
            self._start(message)
        await self._send(message)

    async def fail(self, scope: Scope, receive: Receive) -> None:
        """End the reply with an error, in the form that its beginning left possible."""
        if not self._is_started:
            await problems.problem(500, problems.unexpected())(scope, receive, self.send)
        elif self._is_event_stream:
            body = problems.ErrorReply(error=problems.unexpected()).model_dump_json()
            with suppress(OSError):
                await self._send({"type": "http.response.body", "body": f"data: {body}\n\n".encode()})
        else:
            # A body cut short must not look complete: the server closes the connection when we end without it.
            log.warning("reply_cut_short")

    def _start(self, message: Message) -> None:
        self._is_started = True
        self.status = message["status"]
        headers = MutableHeaders(scope=message)
        headers[REQUEST_ID] = self.request_id
        if self._is_api:
            headers.setdefault("cache-control", "no-store")
        self._is_event_stream = headers.get("content-type", "").startswith("text/event-stream")


def _origin(exc: BaseException) -> dict[str, object]:
    """Return types and places. Messages and local variables, which hold keys and people's text, stay out of the log."""
    frames = traceback.extract_tb(exc.__traceback__)
    ours = [frame for frame in frames if _OUR_CODE in frame.filename][-_LOGGED_FRAMES:]
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in (*ours, *frames[-1:])]
    cause = exc.__cause__ or exc.__context__
    return {"error": type(exc).__qualname__, "cause": type(cause).__qualname__, "frames": places}
