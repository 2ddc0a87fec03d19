"""A streamed answer: server-sent events in the shape of OpenAI's chat completion chunks."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import structlog
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rag_service.api.live_events import STREAM_HEADERS, LiveEvents, ending_of
from rag_service.api.metrics import Metrics
from rag_service.api.openai.chat_reply import (
    Annotation,
    CitationOut,
    RagDetail,
    UsageOut,
    annotations,
    citation_out,
    completion_id,
    sources,
    summary,
    usage_out,
)
from rag_service.api.problems import ErrorReply
from rag_service.domain.answers import AnswerEvent, Finished, SourcesFound, UnitEmitted
from rag_service.errors import RagError

log = structlog.get_logger()

_DONE = b"data: [DONE]\n\n"


class Delta(BaseModel):
    """What a chunk adds to the message. Offsets count from the start of the whole message."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    annotations: list[Annotation] | None = None
    citations: list[CitationOut] | None = None


class ChunkChoice(BaseModel):
    """The only choice."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: Literal["stop"] | None = None


class Chunk(BaseModel):
    """One event of the stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: UsageOut | None = None
    x_rag: RagDetail | None = None


class ChunkWriter:
    """Turns the events of one answer into chunks."""

    def __init__(self, *, model: str, public_url: str, includes_usage: bool) -> None:
        self._model = model
        self._public_url = public_url
        self._includes_usage = includes_usage
        self._id = ""
        self._created = 0

    def chunks(self, event: AnswerEvent) -> Iterator[Chunk]:
        """Yield the chunks for `event`."""
        match event:
            case SourcesFound():
                yield self._begin(event)
            case UnitEmitted():
                yield self._chunk(
                    Delta(
                        content=event.text,
                        annotations=annotations(event.citations, self._public_url),
                        citations=[citation_out(citation) for citation in event.citations],
                    )
                )
            case Finished():
                yield from self._end(event)

    def _begin(self, event: SourcesFound) -> Chunk:
        self._id, self._created = completion_id(event.answer_id), int(event.created_at.timestamp())
        detail = RagDetail(
            corpus=event.corpus_name,
            version=event.version,
            answer_id=event.answer_id,
            sources=sources(event.passages, self._public_url),
        )
        return self._chunk(Delta(role="assistant", content=""), detail=detail)

    def _end(self, event: Finished) -> Iterator[Chunk]:
        yield self._chunk(Delta(), finish_reason="stop", detail=summary(event.answer))
        if self._includes_usage:
            usage = usage_out(event.answer.usage)
            yield Chunk(id=self._id, created=self._created, model=self._model, choices=[], usage=usage)

    def _chunk(
        self, delta: Delta, *, finish_reason: Literal["stop"] | None = None, detail: RagDetail | None = None
    ) -> Chunk:
        choices = [ChunkChoice(delta=delta, finish_reason=finish_reason)]
        return Chunk(id=self._id, created=self._created, model=self._model, choices=choices, x_rag=detail)


class AnswerStream(Response):
    """Sends the answer as it is verified.

    Errors before the first event are ordinary replies with their status; later ones are the stream's last event.
    """

    media_type = "text/event-stream"

    def __init__(self, answer: LiveEvents[AnswerEvent], writer: ChunkWriter, metrics: Metrics) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._answer = answer
        self._writer = writer
        self._metrics = metrics
        self._is_started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream to its end, or to the client's."""
        async with self._answer as answer:
            try:
                async for event in answer:
                    await self._send_event(send, event)
            except ClientDisconnect:
                log.info("client_left_stream")
                return
            except RagError as exc:
                if not self._is_started:
                    raise
                log.warning("stream_ended_early", error=type(exc).__name__)
                await self._send(send, _error_event(exc), is_last=True)
                return
        await self._send(send, _DONE, is_last=True)

    async def _send_event(self, send: Send, event: AnswerEvent) -> None:
        if isinstance(event, Finished):
            self._metrics.count_answer(event.answer)
        for chunk in self._writer.chunks(event):
            await self._send(send, _data(chunk))

    async def _send(self, send: Send, body: bytes, *, is_last: bool = False) -> None:
        if not self._is_started:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self._is_started = True
        await send({"type": "http.response.body", "body": body, "more_body": not is_last})


def _data(chunk: Chunk) -> bytes:
    # OpenAI's chunks leave out what they do not say; nulls inside citations and sources mean something and stay.
    event = _stated(chunk.model_dump(mode="json"))
    if "x_rag" in event:
        event["x_rag"] = _stated(event["x_rag"])
    for choice in event["choices"]:
        choice["delta"] = _stated(choice["delta"])
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _stated(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _error_event(exc: RagError) -> bytes:
    return f"data: {ErrorReply(error=ending_of(exc)).model_dump_json()}\n\n".encode()
