"""Questions: searching, and asking with or without streaming."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from rag_service.client.errors import ApiError, refusal
from rag_service.client.transport import Json, Transport, segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """First event of an answer: what was found."""

    x_rag: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A verified piece of the answer and its citations."""

    text: str
    citations: list[Json] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Last event: `x_rag` holds status, reason and timings."""

    x_rag: Json


AskEvent = Sources | Unit | Ended


class QuestionCalls(Transport):
    """The part of the client for questions."""

    def search(
        self, corpus: str, query: str, *, limit: int = 10, exact: bool = False, filters: Json | None = None
    ) -> list[Json]:
        """Return the best passages, best first; `exact` compares with every chunk, `filters` are as in the API."""
        return list(self.search_reply(corpus, query, limit=limit, exact=exact, filters=filters)["data"])

    def search_reply(
        self, corpus: str, query: str, *, limit: int = 10, exact: bool = False, filters: Json | None = None
    ) -> Json:
        """Return what `search` finds in `data`, with the version and what the search had to do without."""
        body = {"query": query, "max_num_results": limit, "exact": exact, "filters": filters}
        return self._call("POST", f"/v1/vector_stores/{segment(corpus)}/search", json=body)

    def ask(self, corpus: str, question: str) -> Json:
        """Return the whole answer, as a chat completion."""
        return self._call("POST", "/v1/chat/completions", json=_chat(corpus, question, stream=False))

    def ask_stream(self, corpus: str, question: str) -> Iterator[AskEvent]:
        """Yield the answer as it is verified."""
        request = self._http.build_request(
            "POST",
            "/v1/chat/completions",
            json=_chat(corpus, question, stream=True),
            headers={"accept": "text/event-stream"},
        )
        response = self._reach(lambda: self._http.send(request, stream=True))
        try:
            if not response.is_success:
                response.read()
                raise refusal(response)
            for chunk in self._chunks(response):
                yield from _events(chunk)
        finally:
            response.close()

    def _chunks(self, response: httpx.Response) -> Iterator[Json]:
        try:
            for line in response.iter_lines():
                if line.startswith("data:") and line.removeprefix("data:").strip() != "[DONE]":
                    yield json.loads(line.removeprefix("data:"))
        except httpx.TransportError as exc:
            raise self._unreachable(exc) from exc


def _chat(corpus: str, question: str, *, stream: bool) -> Json:
    return {"model": corpus, "messages": [{"role": "user", "content": question}], "stream": stream}


def _events(chunk: Json) -> Iterator[AskEvent]:
    if "error" in chunk:
        raise ApiError(str(chunk["error"].get("message", "The answer broke off.")), code=chunk["error"].get("code"))
    x_rag = chunk.get("x_rag") or {}
    if x_rag.get("sources") is not None and not x_rag.get("status"):
        yield Sources(x_rag=x_rag)
    for choice in chunk.get("choices", []):
        delta = choice.get("delta", {})
        if delta.get("content"):
            yield Unit(text=delta["content"], citations=list(delta.get("citations") or []))
        if choice.get("finish_reason"):
            yield Ended(x_rag=x_rag)
