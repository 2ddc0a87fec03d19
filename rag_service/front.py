"""The ASGI application in front of the real one, there from the first moment."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

log = structlog.get_logger()


class Front:
    """Loads the application, opens it, and passes every request on to it.

    While it loads, /livez is answered here and other requests wait. While it opens, it answers itself.
    When it cannot run, `has_failed` is set and `stop` is called.
    """

    def __init__(self, load: Callable[[], Awaitable["FastAPI"]], *, stop: Callable[[], None]) -> None:
        self.has_failed = False
        self._load = load
        self._stop = stop
        self._loading: asyncio.Future[FastAPI]

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request, or the server's own start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif not self._loading.done() and (scope.get("method"), scope["path"]) == ("GET", "/livez"):
            await _say_alive(send)
        else:
            # A client that goes away must not stop the loading.
            app = await asyncio.shield(self._loading)
            await app(scope, receive, send)

    async def _live(self, receive: "Receive", send: "Send") -> None:
        await receive()
        self._loading = asyncio.ensure_future(self._load())
        running = asyncio.create_task(self._run())
        running.add_done_callback(self._note_end)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        running.cancel()
        await asyncio.wait({running})
        await send({"type": "lifespan.shutdown.complete"})

    async def _run(self) -> None:
        app = await self._loading
        async with app.router.lifespan_context(app):
            await asyncio.Event().wait()

    def _note_end(self, running: asyncio.Task[None]) -> None:
        if not running.cancelled() and (error := running.exception()):
            log.error("api_cannot_run", exc_info=error)
            self.has_failed = True
            self._stop()


async def _say_alive(send: "Send") -> None:
    headers = [(b"content-type", b"application/json"), (b"x-request-id", f"req_{uuid.uuid4().hex}".encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status":"ok"}'})
