"""A malformed request is the caller's mistake: 4xx in the envelope, never 500."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.parts import Service

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello?"}]
ROUTES = (
    CHAT,
    "/v1/vector_stores",
    "/v1/vector_stores/handbook/files",
    "/v1/vector_stores/handbook/file_batches",
    "/v1/vector_stores/handbook/search",
    "/v1/answers/ans_x/feedback",
    "/v1/keys",
    "/v1/files",
    "/v1/evals",
)
BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b"NaN",
    b"\xff\xfe\x00",
    b"[" * 20_000,
    b'{"a":' * 5_000,
    b'{"model":"\\u0000","messages":[{"role":"user","content":"\\ud800"}]}',
    b'{"name":"\\ud800","query":"\\ud800","file_id":"\\ud800","rating":"\\ud800","permissions":["\\ud800"]}',
    b'{"\\ud800":1,"name":"a","permissions":["chat"]}',
    b'{"file_id":"a","attributes":{"\\ud800":1}}',
    b'{"name":1,"query":1,"file_id":1,"rating":7,"model":1,"messages":1,"permissions":1}',
    b'{"expires_at":1e400,"name":"a","permissions":["chat"]}',
    b'{"expires_at":99999999999999999999,"name":"a","permissions":["chat"]}',
    b'{"query":"a","max_num_results":99999999999999999999}',
    b'{"file_id":"a","attributes":{"x":NaN}}',
)


@pytest.mark.parametrize("path", ROUTES)
async def test_nasty_bodies_are_refused_in_the_envelope(client: httpx.AsyncClient, service: Service, path: str) -> None:
    await service.corpus()
    for body in BODIES:
        reply = await client.post(path, content=body, headers={"content-type": "application/json"})

        # A body of unknown fields alone is a legal new vector store; everything else here is a mistake.
        assert reply.status_code < 500, (body[:60], reply.text)
        assert path == "/v1/vector_stores" or reply.json()["error"]["message"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(["model", "messages", "stream", "n", "tools", "stop", "name", "query", "file_id", "rating"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(ROUTES), body=st.dictionaries(fields, json_values, max_size=4))
async def test_no_body_makes_the_service_fail(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    reply = await client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})

    assert reply.status_code < 500


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"n": 2}, "n"),
        ({"n": "1"}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"function_call": {"name": "f"}}, "function_call"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": ["."]}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "yes"}]}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"model": None}, "model"),
    ],
)
async def test_what_would_change_the_meaning_is_refused_by_name(
    client: httpx.AsyncClient, changes: dict[str, Any], param: str
) -> None:
    reply = await client.post(CHAT, json={"model": "handbook", "messages": HELLO} | changes)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


async def test_an_image_is_refused_with_its_place(client: httpx.AsyncClient) -> None:
    content = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": "http://x.test"}}]

    reply = await client.post(CHAT, json={"model": "handbook", "messages": [{"role": "user", "content": content}]})

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "messages[0].content[1].type"


@pytest.mark.parametrize("changes", [{"ranking_options": {"x": 1}}, {"rewrite_query": True}])
async def test_a_search_is_not_silently_another_one(client: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    reply = await client.post("/v1/vector_stores/handbook/search", json={"query": "parking"} | changes)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == next(iter(changes))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/files/%00",
        "/v1/models/%00",
        f"/v1/files/{'x' * 300}",
        "/v1/documents/d/revisions/0/text",
        "/v1/documents/d/revisions/99999999999999999999/text",
        "/v1/files?limit=0",
        "/v1/files?limit=101",
        "/v1/files?limit=x",
        "/v1/files?order=up",
        "/v1/files?after=a&before=b",
        "/v1/files?after=nothing",
        "/v1/files?after=%00",
        "/v1/vector_stores/handbook/files?filter=lost",
        "/v1/vector_stores/handbook/file_batches/vsfb_x",
        "/v1/vector_stores/handbook/file_batches/vsfb_eJyLjgUAARUAuQ",
    ],
)
async def test_impossible_addresses_are_refused(client: httpx.AsyncClient, service: Service, path: str) -> None:
    await service.corpus()

    reply = await client.get(path)

    assert reply.status_code in {400, 404}
    assert reply.json()["error"]["code"]
