"""What people are told over HTTP when the index or the embedding model does not answer."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.faults.faulty_search import QUESTION, FaultySearch, faults, world
from tests.faulty_parts import Mood
from tests.integration.desk import DOCUMENTS

__all__ = ["world"]

CHAT = {"model": "fruit", "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
async def client(world: FaultySearch) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as opened:
        yield opened


async def test_an_answer_says_that_nothing_was_missing(client: httpx.AsyncClient) -> None:
    told = (await client.post("/v1/chat/completions", json=CHAT)).json()["x_rag"]

    assert (told["degraded"], told["degraded_reasons"]) == (False, [])


@faults
async def test_words_alone_answer_and_the_answer_says_so(world, client: httpx.AsyncClient, fault: Mood) -> None:
    world.embedder.mood = fault

    reply = (await client.post("/v1/chat/completions", json=CHAT)).json()

    assert (reply["x_rag"]["degraded"], reply["x_rag"]["degraded_reasons"]) == (True, ["embedding"])
    assert DOCUMENTS["b"] in reply["choices"][0]["message"]["content"]
    kept = (await client.get(f"/v1/answers/{reply['x_rag']['answer_id']}")).json()
    assert kept["x_rag"]["degraded_reasons"] == ["embedding"]


async def test_a_stream_says_so_at_its_end(world, client: httpx.AsyncClient) -> None:
    world.index.mood = Mood.REFUSING

    reply = await client.post("/v1/chat/completions", json=CHAT | {"stream": True})

    chunks = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
    assert chunks[-1]["x_rag"]["degraded_reasons"] == ["index"]


async def test_a_search_says_so(world, client: httpx.AsyncClient) -> None:
    world.index.mood = world.embedder.mood = Mood.REFUSING

    found = (await client.post("/v1/vector_stores/fruit/search", json={"query": [QUESTION, "apples"]})).json()

    assert (found["degraded"], found["degraded_reasons"]) == (True, ["embedding", "index"])


@faults
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v1/chat/completions", CHAT | {"stream": True}),
        ("/v1/vector_stores/fruit/search", {"query": QUESTION}),
    ],
)
async def test_with_no_index_left_people_are_asked_to_come_back(
    world, client: httpx.AsyncClient, path: str, body: dict[str, object], fault: Mood
) -> None:
    world.index.mood = world.fallback.mood = fault

    reply = await client.post(path, json=body)

    assert reply.status_code == 503 and int(reply.headers["retry-after"]) >= 1
    assert reply.json()["error"]["code"] == "index_unavailable"


async def test_what_searches_did_without_is_counted(world, client: httpx.AsyncClient) -> None:
    world.embedder.mood = Mood.REFUSING

    await client.post("/v1/chat/completions", json=CHAT)

    told = (await client.get("/metrics")).text.splitlines()
    assert 'rag_search_degraded_total{reason="embedding"} 1.0' in told
    assert 'rag_search_degraded_total{reason="index"} 0.0' in told
    assert 'rag_search_degraded_total{reason="feedback"} 0.0' in told
    for cache in ("frequencies", "feedback"):
        assert any(line.startswith(f'rag_search_cache_total{{cache="{cache}",result="hit"}}') for line in told)
