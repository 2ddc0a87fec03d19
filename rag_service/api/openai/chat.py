"""/v1/chat/completions: a question to a corpus."""

from fastapi import APIRouter, Request, Response

from rag_service.api.admission import Admitted, until_first
from rag_service.api.dependencies import Measured, Parts, Scope, authorisation_of
from rag_service.api.live_events import LiveEvents
from rag_service.api.metrics import Metrics
from rag_service.api.openai.chat_reply import ChatCompletion, completion
from rag_service.api.openai.chat_request import ChatRequest
from rag_service.api.openai.chat_stream import AnswerStream, ChunkWriter
from rag_service.domain.answers import Answer, AnswerEvent, Finished

router = APIRouter(prefix="/v1/chat", tags=["chat"])


@router.post("/completions", response_model=ChatCompletion)
async def create_chat_completion(
    request: Request, body: ChatRequest, parts: Parts, scope: Scope, place: Admitted, metrics: Measured
) -> Response | ChatCompletion:
    """Answer the last user turn from the corpus, streaming or in one piece."""
    # What is searched costs us, writing has limits of its own, and waiting for what others have written costs nothing.
    events = until_first(place, parts.ask_question(scope, body.question()))
    live = LiveEvents(events, receive=request.receive, authorise=authorisation_of(request))
    public_url = parts.settings.public_url
    if body.stream:
        writer = ChunkWriter(model=body.model, public_url=public_url, includes_usage=body.includes_usage)
        return AnswerStream(live, writer, metrics)
    return completion(await _finished(live, metrics), model=body.model, public_url=public_url)


async def _finished(live: LiveEvents[AnswerEvent], metrics: Metrics) -> Answer:
    async with live as events:
        async for event in events:
            if isinstance(event, Finished):
                metrics.count_answer(event.answer)
                return event.answer
    raise RuntimeError("an answer ended without its last event")
