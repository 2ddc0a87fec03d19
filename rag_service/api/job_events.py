"""A job's changes as server-sent events."""

import asyncio
from collections.abc import AsyncIterator

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rag_service.api.job_reply import job_out
from rag_service.api.live_events import STREAM_HEADERS, LiveEvents, ending_of
from rag_service.api.problems import ErrorReply
from rag_service.domain.jobs import SeenJob
from rag_service.errors import RagError
from rag_service.use_cases.job_names import JobNames
from rag_service.use_cases.jobs import is_over

log = structlog.get_logger()

HEARTBEAT_S = 15.0
"""A stream that is silent for longer says that it lives: proxies close what looks dead."""

_HEARTBEAT = b": still here\n\n"


class JobEvents(Response):
    """Sends `progress` for each change and `finished` for the last; `error` when it ends before that."""

    media_type = "text/event-stream"

    def __init__(self, changes: LiveEvents[SeenJob], names: JobNames) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._changes = changes
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream to its end, or to the client's."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with self._changes as changes:
            try:
                async for event in self._events(changes):
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            except ClientDisconnect:
                log.info("client_left_stream")
                return
            except RagError as exc:
                log.warning("stream_ended_early", error=type(exc).__name__)
                await send({"type": "http.response.body", "body": _error_event(exc), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _events(self, changes: LiveEvents[SeenJob]) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    seen = await anext(changes)
            except TimeoutError:
                yield _HEARTBEAT
            except StopAsyncIteration:
                return
            else:
                yield self._event(seen)

    def _event(self, seen: SeenJob) -> bytes:
        name = "finished" if is_over(seen) else "progress"
        return (
            f"id: {seen.job.changes}\nevent: {name}\ndata: {job_out(seen, self._names).model_dump_json()}\n\n".encode()
        )


def _error_event(exc: RagError) -> bytes:
    return f"event: error\ndata: {ErrorReply(error=ending_of(exc)).model_dump_json()}\n\n".encode()
