"""Who gets in, and what everybody else is told."""

from collections.abc import AsyncIterator

import httpx
import pytest

from rag_service.domain.access import Permission
from tests.api.parts import QUOTE, Service

HELLO = {"messages": [{"role": "user", "content": "When does the car park close?"}]}
PROTECTED = ("/v1/models", "/v1/files", "/v1/vector_stores", "/v1/keys", "/v1/jobs/x", "/v1/answers/x")


@pytest.fixture
async def stranger(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    secret, _ = await service.other_tenant()
    async with service.client(secret) as opened:
        yield opened


@pytest.mark.parametrize("path", PROTECTED)
async def test_there_is_no_anonymous_mode(service: Service, path: str) -> None:
    async with service.anonymous() as client:
        reply = await client.get(path)

    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic dXNlcjpwYXNz", "", "Bearer \xe9"])
async def test_a_key_that_does_not_work_is_401(service: Service, header: str) -> None:
    async with service.anonymous() as client:
        reply = await client.get("/v1/models", headers={"authorization": header.encode("latin-1")})

    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "invalid_api_key"


async def test_a_revoked_key_is_401(service: Service, client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/keys", json={"name": "temp", "permissions": ["chat"]})).json()
    await client.delete(f"/v1/keys/{made['id']}")

    async with service.client(made["secret"]) as revoked:
        assert (await revoked.get("/v1/models")).status_code == 401


async def test_a_page_reads_with_its_session_cookie(service: Service) -> None:
    cookie, _ = await service.parts.keys.sign_in_with_key(service.secret)

    async with service.anonymous() as browser:
        browser.cookies.set("rag_session", cookie)
        assert (await browser.get("/v1/models")).status_code == 200


@pytest.mark.parametrize(("token", "status"), [("right", 200), ("wrong", 401), (None, 401)])
async def test_a_page_writes_only_with_its_csrf_token(service: Service, token: str | None, status: int) -> None:
    cookie, session = await service.parts.keys.sign_in_with_key(service.secret)
    tokens = {"right": session.csrf_token, "wrong": "x"}
    headers = {"x-csrf-token": tokens[token]} if token else {}

    async with service.anonymous() as browser:
        browser.cookies.set("rag_session", cookie)
        reply = await browser.post("/v1/vector_stores", json={"name": "a"}, headers=headers)

    assert reply.status_code == status


async def test_another_tenants_things_look_absent(
    service: Service, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    corpus_id = await service.corpus()
    file_id = (await client.post("/v1/files", files={"file": ("a.md", b"text")})).json()["id"]
    attached = (await client.post(f"/v1/vector_stores/{corpus_id}/files", json={"file_id": file_id})).json()
    answer = (await client.post("/v1/chat/completions", json={"model": "handbook"} | HELLO)).json()
    keys = (await client.get("/v1/keys")).json()["data"]
    paths = {
        f"/v1/files/{file_id}": file_id,
        f"/v1/files/{file_id}/content": file_id,
        f"/v1/vector_stores/{corpus_id}": corpus_id,
        f"/v1/vector_stores/{corpus_id}/files": corpus_id,
        f"/v1/vector_stores/{corpus_id}/files/{file_id}": corpus_id,
        f"/v1/models/{corpus_id}": corpus_id,
        "/v1/models/handbook": "handbook",
        f"/v1/documents/{attached['document_id']}/revisions/1/text": attached["document_id"],
        f"/v1/answers/{answer['x_rag']['answer_id']}": answer["x_rag"]["answer_id"],
    }
    for path, ref in paths.items():
        foreign, absent = await stranger.get(path), await stranger.get(path.replace(ref, "absent-id"))

        assert foreign.status_code == absent.status_code == 404, path
        assert foreign.text.replace(ref, "absent-id") == absent.text
    assert (await stranger.delete(f"/v1/keys/{keys[0]['id']}")).status_code == 404
    assert (await stranger.delete(f"/v1/files/{file_id}")).status_code == 404


async def test_another_tenants_corpus_cannot_be_asked(service: Service, stranger: httpx.AsyncClient) -> None:
    corpus_id = await service.corpus()

    foreign = await stranger.post("/v1/chat/completions", json={"model": corpus_id, "stream": True} | HELLO)

    assert foreign.status_code == 404
    assert QUOTE not in foreign.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/keys"), ("POST", "/v1/vector_stores"), ("GET", "/v1/files"), ("GET", "/v1/jobs/x")],
)
async def test_a_key_that_may_not_is_told_what_an_absent_thing_would_say(
    service: Service, method: str, path: str
) -> None:
    async with service.client(await service.key(Permission.CHAT)) as client:
        reply = await client.request(method, path, json={"name": "a"} if method == "POST" else None)

    assert reply.status_code == 404


async def test_raw_bytes_are_for_admins(service: Service, client: httpx.AsyncClient) -> None:
    file_id = (await client.post("/v1/files", files={"file": ("a.md", b"text")})).json()["id"]

    async with service.client(await service.key(Permission.UPLOAD)) as uploader:
        reply = await uploader.get(f"/v1/files/{file_id}/content")

    assert reply.status_code == 404
    assert (await client.get(f"/v1/files/{file_id}/content")).content == b"text"


async def test_a_key_bound_to_a_corpus_sees_only_that(service: Service, client: httpx.AsyncClient) -> None:
    await service.corpus("mine")
    await service.corpus("theirs")
    made = await client.post("/v1/keys", json={"name": "k", "permissions": ["chat"], "corpora": ["mine"]})

    async with service.client(made.json()["secret"]) as bound:
        models = (await bound.get("/v1/models")).json()["data"]

    assert [model["id"] for model in models] == ["mine"]


async def test_an_end_user_sees_no_answer_of_another_one_of_the_same_key(service: Service) -> None:
    await service.corpus()
    secret = await service.key(Permission.CHAT, Permission.DELEGATE)
    async with service.client(secret, **{"x-rag-user": "anna"}) as anna, service.client(secret) as application:
        answer = (await anna.post("/v1/chat/completions", json={"model": "handbook"} | HELLO)).json()
        path = f"/v1/answers/{answer['x_rag']['answer_id']}"
        replies = [
            await anna.get(path),
            await anna.get(path, headers={"x-rag-user": "ben"}),
            await application.get(path),
        ]

    assert [reply.status_code for reply in replies] == [200, 404, 200]


async def test_a_key_without_delegate_cannot_name_an_end_user(service: Service) -> None:
    async with service.client(await service.key(Permission.CHAT), **{"x-rag-user": "anna"}) as client:
        reply = await client.get("/v1/models")

    assert reply.status_code == 400
    assert "delegate" in reply.json()["error"]["message"]
