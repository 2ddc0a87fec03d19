"""Limits on request bodies: bytes are counted as they arrive, and so is the time spent waiting for them."""

import asyncio
import time
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_service.settings import UploadSettings

UPLOAD_PATH = "/v1/files"

MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""Room for boundaries and fields round a file; the file itself is counted by the blob store."""

MIN_BYTES_PER_S = 1024
"""A body slower than this on average is held back on purpose."""

LINGER_S = 5.0
"""How long the rest of a refused body is read and thrown away, for the reply to arrive: closing a connection
with unread bytes resets it, and a client that is busy sending would see the reset instead of the 413."""

_CLOSE = {"connection": "close"}


class BodyLimits:
    """Pure ASGI. A declared length over the limit is refused at once; a missing or false one proves nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _CountedBody(receive, _limit(scope), _settings(scope).body_timeout_s, declared=_declared(scope))
        await self._app(scope, body.receive, body.lingering(send))


class _CountedBody:
    def __init__(self, receive: Receive, max_bytes: int, timeout_s: float, *, declared: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._received_bytes = 0
        self._waited_s = 0.0
        self._is_complete = False
        self._is_refused = False
        self._is_declared_too_large = declared > max_bytes

    async def receive(self) -> Message:
        """Return the next message of the server.

        Raises:
            HTTPException: 413 when the body is over its limit, 408 when it is too slow.
        """
        if self._is_complete:
            return await self._receive()  # waits for the client to leave, as long as that takes
        if self._is_declared_too_large:
            raise self._too_large()
        message = await self._next_in_time()
        self._received_bytes += len(message.get("body", b""))
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        if self._received_bytes > self._max_bytes:
            raise self._too_large()
        return message

    async def _next_in_time(self) -> Message:
        # Only waiting counts: a client is not slow because our storage is.
        allowance_s = self._timeout_s + self._received_bytes / MIN_BYTES_PER_S - self._waited_s
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(self._timeout_s, allowance_s))):
                return await self._receive()
        except TimeoutError as exc:
            raise HTTPException(408, "The body of the request took too long to arrive.", _CLOSE) from exc
        finally:
            self._waited_s += time.monotonic() - started

    def lingering(self, send: Send) -> Send:
        """Return `send`, with the last piece of the reply held back after a refusal until the client has had time."""

        async def send_and_linger(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not (is_last and self._is_refused):
                return await send(message)
            await send({**message, "more_body": True})
            await self._discard()
            await send({"type": "http.response.body", "body": b""})
            return None

        return send_and_linger

    async def _discard(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while not self._is_complete:
                    self._is_complete = not (await self._receive()).get("more_body", False)

    def _too_large(self) -> HTTPException:
        self._is_refused = True
        return HTTPException(413, f"The body is over the limit of {self._max_bytes} bytes.", _CLOSE)


def _settings(scope: Scope) -> UploadSettings:
    container = getattr(scope["app"].state, "container", None)
    return container.settings.uploads if container else UploadSettings()


def _limit(scope: Scope) -> int:
    settings = _settings(scope)
    if scope["method"] == "POST" and scope["path"] == UPLOAD_PATH:
        return settings.max_file_bytes + MULTIPART_OVERHEAD_BYTES
    return settings.max_request_bytes


def _declared(scope: Scope) -> int:
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value) if value.isdigit() and len(value) < 20 else 0  # noqa: PLR2004  (digits of the largest 64-bit number)
