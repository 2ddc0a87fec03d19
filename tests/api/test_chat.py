"""/v1/chat/completions as OpenAI's own client sees it, and what ends an answer early."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openai import APIError, AsyncOpenAI, NotFoundError
from openai.types.chat import ChatCompletion
from starlette.types import Message

from rag_service.domain.filters import parse_filter
from rag_service.domain.spans import sha256_of
from rag_service.errors import GeneratorUnavailable, IndexUnavailable
from tests.api.parts import QUOTE, Service
from tests.patience import PATIENCE_S, until

TURNS: Any = [{"role": "user", "content": "When does the car park close?"}]
BODY = {"model": "handbook", "messages": TURNS}


@pytest.fixture(autouse=True)
async def corpus_id(service: Service) -> str:
    return await service.corpus()


async def test_an_answer_in_one_piece_parses(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(model="handbook", messages=TURNS)

    ChatCompletion.model_validate(answer.model_dump())
    assert answer.choices[0].message.content == f"{QUOTE} [1]"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.total_tokens == 10


async def test_an_annotation_covers_the_sentence_without_its_mark(openai: AsyncOpenAI) -> None:
    message = (await openai.chat.completions.create(model="handbook", messages=TURNS)).choices[0].message

    assert message.annotations
    cited = message.annotations[0].url_citation
    assert message.content
    assert message.content[cited.start_index : cited.end_index] == QUOTE
    assert cited.url == "http://rag.test/sources/doc_a/1?start=10&end=39"


async def test_a_citation_carries_quote_place_and_hash(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/v1/chat/completions", json=BODY)).json()

    assert answer["choices"][0]["message"]["citations"] == [
        {
            "number": 1,
            "start": 0,
            "end": len(QUOTE),
            "document_id": "doc_a",
            "revision": 1,
            "filename": "parking.md",
            "page": 3,
            "location": None,
            "char_start": 10,
            "char_end": 10 + len(QUOTE),
            "quote": QUOTE,
            "quote_sha256": sha256_of(QUOTE),
            "support": 1.0,
        }
    ]


async def test_the_reply_says_how_it_came_about(client: httpx.AsyncClient) -> None:
    detail = (await client.post("/v1/chat/completions", json=BODY)).json()["x_rag"]

    assert (detail["status"], detail["reason"], detail["corpus"], detail["version"]) == (
        "answered",
        None,
        "handbook",
        0,
    )
    assert detail["sources"][0]["text"] == QUOTE
    assert detail["timings"]["search"] == 2.0
    assert detail["cost"] == {"amount": 0.00045, "currency": "EUR"}
    assert detail["prompt_version"] == "none"


async def test_a_stream_puts_the_same_answer_together(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(
        model="handbook", messages=TURNS, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == f"{QUOTE} [1]"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert len({chunk.id for chunk in chunks}) == 1


async def test_the_first_chunk_has_the_sources_and_leaves_before_anything_is_written(
    service: Service, client: httpx.AsyncClient
) -> None:
    events = [event async for event in streamed(client)]

    assert events[0]["x_rag"]["sources"][0]["text"] == QUOTE
    assert events[1]["choices"][0]["delta"]["citations"][0]["quote"] == QUOTE
    assert events[1]["choices"][0]["delta"]["annotations"][0]["type"] == "url_citation"
    assert events[2]["x_rag"]["status"] == "answered"
    assert events[3] == "[DONE]"


async def test_without_include_usage_no_chunk_has_usage(client: httpx.AsyncClient) -> None:
    assert not any("usage" in event for event in await collect(client) if event != "[DONE]")


async def test_text_parts_are_joined(service: Service, client: httpx.AsyncClient) -> None:
    content = [{"type": "text", "text": "When"}, {"type": "text", "text": "exactly?"}]

    await client.post(
        "/v1/chat/completions", json={"model": "handbook", "messages": [{"role": "user", "content": content}]}
    )

    assert service.parts.ask_question.asked[0].messages[0].content == "When\nexactly?"


async def test_unknown_fields_and_hints_to_a_sampler_are_ignored(client: httpx.AsyncClient) -> None:
    hints = {"temperature": 0.1, "top_p": 1, "max_tokens": 50, "seed": 1, "user": "u", "new_field": {"a": [1]}, "n": 1}
    tools = {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto", "stop": None}

    assert (await client.post("/v1/chat/completions", json=BODY | hints | tools)).status_code == 200


async def test_an_unknown_model_is_a_real_404_even_for_a_stream(openai: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError):
        await openai.chat.completions.create(model="nothing", messages=TURNS, stream=True)


async def test_an_error_after_the_start_is_the_streams_last_event(service: Service, openai: AsyncOpenAI) -> None:
    service.parts.ask_question.error = GeneratorUnavailable("http://internal")
    stream = await openai.chat.completions.create(model="handbook", messages=TURNS, stream=True)

    with pytest.raises(APIError) as caught:
        async for _ in stream:
            pass

    assert caught.value.code == "generator_unavailable"
    assert "internal" not in caught.value.message


async def test_even_a_crash_after_the_start_ends_the_stream_with_an_error(
    service: Service, client: httpx.AsyncClient
) -> None:
    service.parts.ask_question.error = ZeroDivisionError("secret")

    events = [event async for event in streamed(client)]

    assert events[-1]["error"]["code"] == "internal_error"
    assert "secret" not in json.dumps(events)


async def test_an_error_in_one_piece_is_its_status(service: Service, client: httpx.AsyncClient) -> None:
    service.parts.ask_question.error = IndexUnavailable("down")

    assert (await client.post("/v1/chat/completions", json=BODY)).status_code == 503


async def test_a_revoked_key_ends_the_stream(service: Service) -> None:
    service.parts.ask_question.after_first = asyncio.Event()
    key, secret = await service.parts.keys.create(service.scope, name="k", permissions=service.scope.permissions)
    events = []
    async with asyncio.timeout(PATIENCE_S), service.client(secret) as client:
        # The transport hands a stream over when it has ended, so the key is revoked while the call is under way.
        call = asyncio.create_task(collect(client))
        await until(lambda: service.parts.ask_question.asked)
        await service.parts.keys.revoke(service.scope, key.id)
        events = await call

    assert events[-1]["error"]["code"] == "auth_revoked"
    assert service.parts.ask_question.closed == 1


async def test_a_key_revoked_before_the_first_token_ends_the_question(service: Service) -> None:
    service.parts.ask_question.before_first = asyncio.Event()
    key, secret = await service.parts.keys.create(service.scope, name="k", permissions=service.scope.permissions)
    async with asyncio.timeout(PATIENCE_S), service.client(secret) as client:
        call = asyncio.create_task(client.post("/v1/chat/completions", json=BODY | {"stream": True}))
        await until(lambda: service.parts.ask_question.asked)
        await service.parts.keys.revoke(service.scope, key.id)
        reply = await call

    assert reply.status_code == 401
    assert service.parts.ask_question.closed == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("held", ["before_first", "after_first"])
async def test_a_client_that_leaves_stops_the_question(service: Service, stream: bool, held: str) -> None:
    setattr(service.parts.ask_question, held, asyncio.Event())
    left = asyncio.Event()
    call = asyncio.create_task(call_until(service, BODY | {"stream": stream}, left))
    await until(lambda: service.parts.ask_question.asked)

    left.set()
    async with asyncio.timeout(PATIENCE_S):
        await call

    assert service.parts.ask_question.closed == 1


async def test_answers_are_counted(service: Service, client: httpx.AsyncClient) -> None:
    await client.post("/v1/chat/completions", json=BODY)

    exposition = (await client.get("/metrics")).text
    assert 'rag_answers_total{status="answered"} 1.0' in exposition
    assert 'rag_answer_stage_seconds_count{stage="search"} 1.0' in exposition
    assert 'route="/v1/chat/completions",status="200"' in exposition


async def streamed(client: httpx.AsyncClient) -> AsyncIterator[Any]:
    reply = await client.post("/v1/chat/completions", json=BODY | {"stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    for line in reply.text.splitlines():
        data = line.removeprefix("data: ")
        if data:
            yield data if data == "[DONE]" else json.loads(data)


async def collect(client: httpx.AsyncClient) -> list[Any]:
    return [event async for event in streamed(client)]


async def call_until(service: Service, body: dict[str, Any], left: asyncio.Event) -> None:
    """Send the question, and go when `left` is set."""
    messages: list[Message] = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        pass

    headers = [(b"authorization", f"Bearer {service.secret}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"", "headers": headers}
    await service.app(scope, receive, send)


async def test_a_question_can_say_of_which_documents_it_is_asked(service: Service, client: httpx.AsyncClient) -> None:
    wanted = {"type": "eq", "key": "lang", "value": "de"}

    await client.post("/v1/chat/completions", json=BODY | {"x_rag": {"filters": wanted, "per_document": 2}})

    [asked] = service.parts.ask_question.asked
    assert (asked.filters, asked.per_document) == (parse_filter(wanted), 2)


@pytest.mark.parametrize(
    ("wishes", "place"),
    [
        ({"filter": {}}, "x_rag.filter"),
        ({"per_document": 0}, "x_rag.per_document"),
        ({"filters": {"type": "eq", "key": "a"}}, "x_rag.filters.value"),
    ],
)
async def test_a_wish_that_cannot_be_understood_is_refused(
    client: httpx.AsyncClient, wishes: dict[str, object], place: str
) -> None:
    reply = await client.post("/v1/chat/completions", json=BODY | {"x_rag": wishes})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, place)
