"""/v1/vector_stores/{id}/file_batches: many files by one request, as OpenAI's client sends them."""

import hashlib

import httpx
import pytest
from openai import AsyncOpenAI

from tests.api.parts import Service


async def stored(openai: AsyncOpenAI, name: str, content: bytes = b"x") -> str:
    return (await openai.files.create(file=(name, content), purpose="assistants")).id


async def test_each_file_of_a_batch_can_have_attributes_of_its_own(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    one, two = [await stored(openai, name) for name in ("one.md", "two.md")]

    await openai.vector_stores.file_batches.create(
        store, files=[{"file_id": one, "attributes": {"year": 2025}}, {"file_id": two}]
    )

    listed = [file async for file in openai.vector_stores.files.list(store, order="asc")]
    assert [(file.id, file.attributes) for file in listed] == [(one, {"year": 2025}), (two, {})]


async def test_files_of_one_document_in_a_batch_count_in_their_order(
    service: Service, client: httpx.AsyncClient, openai: AsyncOpenAI
) -> None:
    store = await service.corpus()
    old, new = [await stored(openai, "a.md", content) for content in (b"old", b"new")]

    await openai.vector_stores.file_batches.create(store, files=[{"file_id": old}, {"file_id": new}])

    [file] = (await client.get(f"/v1/vector_stores/{store}/files")).json()["data"]
    assert (file["id"], file["revision"], file["sha256"]) == (new, 2, hashlib.sha256(b"new").hexdigest())


async def test_an_unchanged_file_named_again_stays_the_revision_it_is(
    service: Service, client: httpx.AsyncClient, openai: AsyncOpenAI
) -> None:
    store = await service.corpus()
    file_id = await stored(openai, "a.md")

    for _ in range(2):
        await openai.vector_stores.file_batches.create(store, files=[{"file_id": file_id}])

    assert [file["revision"] for file in (await client.get(f"/v1/vector_stores/{store}/files")).json()["data"]] == [1]


async def test_a_batch_can_say_who_may_see_its_documents(
    service: Service, client: httpx.AsyncClient, openai: AsyncOpenAI
) -> None:
    store = await service.corpus()
    body = {"files": [{"file_id": await stored(openai, "a.md")}], "principals": ["nobody"]}

    await client.post(f"/v1/vector_stores/{store}/file_batches", json=body)

    assert (await client.get(f"/v1/vector_stores/{store}/files")).json()["data"] == []


@pytest.mark.parametrize("body", [{}, {"file_ids": ["file-a"], "files": [{"file_id": "file-a"}]}, {"files": []}])
async def test_a_batch_has_ids_or_files(service: Service, client: httpx.AsyncClient, body: dict[str, object]) -> None:
    store = await service.corpus()

    reply = await client.post(f"/v1/vector_stores/{store}/file_batches", json=body)

    assert reply.status_code == 400


async def test_a_batch_with_an_unknown_file_adds_none(
    service: Service, client: httpx.AsyncClient, openai: AsyncOpenAI
) -> None:
    store = await service.corpus()
    body = {"files": [{"file_id": await stored(openai, "a.md")}, {"file_id": "file-nothing"}]}

    reply = await client.post(f"/v1/vector_stores/{store}/file_batches", json=body)

    assert reply.status_code == 404
    assert (await client.get(f"/v1/vector_stores/{store}/files")).json()["data"] == []
