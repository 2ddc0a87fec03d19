"""/v1/files as OpenAI's client uses it."""

import hashlib

import httpx
import pytest
from openai import AsyncOpenAI, NotFoundError

from tests.api.parts import Service


async def test_a_file_is_stored_described_read_and_deleted(openai: AsyncOpenAI) -> None:
    made = await openai.files.create(file=("näme.md", b"# text"), purpose="user_data")

    assert (made.bytes, made.filename, made.purpose) == (6, "näme.md", "user_data")
    assert await openai.files.retrieve(made.id) == made
    assert (await openai.files.content(made.id)).content == b"# text"
    assert (await openai.files.delete(made.id)).deleted
    with pytest.raises(NotFoundError):
        await openai.files.retrieve(made.id)


async def test_a_file_says_its_hash(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/files", files={"file": ("a.md", b"text")})

    assert reply.json()["sha256"] == hashlib.sha256(b"text").hexdigest()


async def test_a_files_bytes_are_never_shown_as_a_page(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/files", files={"file": ("a.html", b"<script>alert(1)</script>")})

    headers = (await client.get(f"/v1/files/{made.json()['id']}/content")).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


async def test_the_sdk_walks_all_pages(openai: AsyncOpenAI) -> None:
    made = [(await openai.files.create(file=(f"{number}.md", b"x"), purpose="assistants")).id for number in range(5)]

    listed = [file.id async for file in openai.files.list(limit=2)]

    assert listed == made[::-1]


async def test_pages_go_both_ways_and_say_whether_there_is_more(service: Service, client: httpx.AsyncClient) -> None:
    for number in range(4):
        await client.post("/v1/files", files={"file": (f"{number}.md", b"x")})

    first = (await client.get("/v1/files", params={"limit": 3, "order": "asc"})).json()
    second = (await client.get("/v1/files", params={"limit": 3, "order": "asc", "after": first["last_id"]})).json()
    back = (await client.get("/v1/files", params={"order": "asc", "before": second["first_id"]})).json()

    assert (first["has_more"], second["has_more"], len(second["data"])) == (True, False, 1)
    assert back["data"] == first["data"]


async def test_keys_have_pages_too(service: Service, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await service.key()

    first = (await client.get("/v1/keys", params={"limit": 3})).json()
    rest = (await client.get("/v1/keys", params={"limit": 3, "after": first["last_id"]})).json()
    back = (await client.get("/v1/keys", params={"before": rest["first_id"]})).json()

    assert (first["has_more"], rest["has_more"], len(rest["data"])) == (True, False, 1)
    assert back["data"] == first["data"]
