"""Idempotency-Key: the same request gets the same reply and acts once."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.parts import Service

KEY = {"Idempotency-Key": "key-1"}


async def test_a_repeated_write_gets_the_same_reply_and_acts_once(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/vector_stores", json={}, headers=KEY)
    second = await client.post("/v1/vector_stores", json={}, headers=KEY)

    assert second.content == first.content
    assert second.headers["idempotent-replayed"] == "true"
    assert len((await client.get("/v1/vector_stores")).json()["data"]) == 1


async def test_the_same_key_with_another_body_is_a_conflict(client: httpx.AsyncClient) -> None:
    await client.post("/v1/vector_stores", json={"name": "a"}, headers=KEY)

    assert (await client.post("/v1/vector_stores", json={"name": "b"}, headers=KEY)).status_code == 409


async def test_another_callers_key_is_another_key(service: Service, client: httpx.AsyncClient) -> None:
    secret, _ = await service.other_tenant()
    await client.post("/v1/vector_stores", json={"name": "a"}, headers=KEY)

    async with service.client(secret) as stranger:
        reply = await stranger.post("/v1/vector_stores", json={"name": "b"}, headers=KEY)

    assert reply.json()["name"] == "b"


async def test_a_second_request_while_the_first_runs_is_a_conflict(service: Service, client: httpx.AsyncClient) -> None:
    create, running, go_on = service.parts.create_corpus, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **options: Any) -> Any:
        running.set()
        await go_on.wait()
        return await create(*args, **options)

    service.parts.create_corpus = slow
    first = asyncio.create_task(client.post("/v1/vector_stores", json={}, headers=KEY))
    await running.wait()

    second = await client.post("/v1/vector_stores", json={}, headers=KEY)
    go_on.set()

    assert second.status_code == 409
    assert (await first).status_code == 200


async def test_what_failed_may_be_tried_again(service: Service, client: httpx.AsyncClient) -> None:
    await service.corpus("taken")
    body = {"name": "taken"}

    replies = [await client.post("/v1/vector_stores", json=body, headers=KEY) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [409, 409]
    assert "idempotent-replayed" not in replies[1].headers


async def test_a_repeated_upload_is_stored_once_whatever_its_boundary(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/files", files={"file": ("a.md", b"text")}, headers=KEY)
    second = await client.post("/v1/files", files={"file": ("a.md", b"text")}, headers=KEY)

    assert second.content == first.content
    assert len((await client.get("/v1/files")).json()["data"]) == 1


@pytest.mark.parametrize("other", [("a.md", b"other"), ("b.md", b"text")])
async def test_another_upload_under_the_same_key_is_a_conflict(
    client: httpx.AsyncClient, other: tuple[str, bytes]
) -> None:
    await client.post("/v1/files", files={"file": ("a.md", b"text")}, headers=KEY)

    assert (await client.post("/v1/files", files={"file": other}, headers=KEY)).status_code == 409


async def test_a_reply_with_a_secret_is_never_kept(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/keys", json={"name": "k", "permissions": ["chat"]}, headers=KEY)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_an_unusable_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    assert (await client.post("/v1/vector_stores", json={}, headers={"Idempotency-Key": key})).status_code == 400
