"""Bodies are counted as they arrive: what a client says about their length proves nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from tests.api.parts import MAX_FILE_BYTES, MAX_REQUEST_BYTES, Service

BOUNDARY = b"----b"
HEAD = b'------b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
TAIL = b"\r\n------b--\r\n"
FORM = {"content-type": "multipart/form-data; boundary=----b"}


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def raw_call(service: Service, headers: dict[str, str], body: list[bytes], *, path: str) -> int:
    """Call the application below HTTP, where lengths can lie; return the status."""
    read, status = 0, 0

    async def receive() -> Message:
        nonlocal read
        if read == len(body):
            await asyncio.Event().wait()
        read += 1
        return {"type": "http.request", "body": body[read - 1], "more_body": read < len(body)}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    given = {"authorization": f"Bearer {service.secret}", "content-type": "application/json"} | headers
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    await service.app(scope, receive, send)
    return status


@pytest.mark.parametrize("length", [None, "10", "999999999"], ids=["absent", "too small", "too large"])
async def test_a_json_body_over_the_limit_is_413(service: Service, length: str | None) -> None:
    headers = {"content-length": length} if length else {}

    status = await raw_call(service, headers, [b"x" * 1000] * 100, path="/v1/vector_stores")

    assert status == 413


@pytest.mark.parametrize("length", [None, "10", "999999999"], ids=["absent", "too small", "too large"])
async def test_an_upload_over_the_limit_is_413(service: Service, length: str | None) -> None:
    headers = FORM | ({"content-length": length} if length else {})

    status = await raw_call(service, headers, [HEAD, *[b"x" * 10_000] * 50, TAIL], path="/v1/files")

    assert status == 413


async def test_a_refused_upload_leaves_nothing(service: Service, client: httpx.AsyncClient) -> None:
    await raw_call(service, FORM, [HEAD, *[b"x" * 10_000] * 50, TAIL], path="/v1/files")

    assert (await client.get("/v1/files")).json()["data"] == []
    kept = [path for path in (service.parts.settings.data_dir / "blobs").rglob("*") if path.is_file()]
    assert kept == []


async def test_a_file_of_exactly_the_limit_is_accepted(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/files", files={"file": ("a.md", b"x" * MAX_FILE_BYTES)})

    assert reply.json()["bytes"] == MAX_FILE_BYTES


async def test_413_is_in_the_envelope_and_closes_the_connection(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/vector_stores", content=b"x" * (MAX_REQUEST_BYTES + 1))

    assert reply.json()["error"]["code"] == "too_large"
    assert reply.headers["connection"] == "close"


@pytest.fixture
def impatient(service: Service) -> Service:
    """The service with little time for bodies."""
    settings = service.parts.settings
    uploads = settings.uploads.model_copy(update={"body_timeout_s": 0.2})
    service.parts.settings = settings.model_copy(update={"uploads": uploads})
    return service


async def test_a_body_that_stops_arriving_is_408(impatient: Service) -> None:
    status = 0

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/vector_stores",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {impatient.secret}".encode()), (b"content-type", b"application/json")],
    }
    await impatient.app(scope, receive, send)

    assert status == 408


async def test_a_body_that_drips_is_408(impatient: Service) -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(100):
            await asyncio.sleep(0.02)
            yield b" "

    async with impatient.client() as client:
        reply = await client.post("/v1/vector_stores", content=drip())

    assert reply.status_code == 408


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (HEAD + b"text", FORM),
        (b"", FORM),
        (b"no form at all", FORM),
        (HEAD + b"text" + TAIL, {"content-type": "multipart/form-data"}),
        (HEAD + b"text" + TAIL, {"content-type": "multipart/form-data; boundary=" + "b" * 300}),
        (HEAD + b"text" + TAIL, {"content-type": "text/plain"}),
        (HEAD.replace(b'"file"', b'"other"') + b"text" + TAIL, FORM),
        (HEAD.replace(b'"a.md"', b'""') + b"text" + TAIL, FORM),
        (HEAD + b"one\r\n" + HEAD + b"two" + TAIL, FORM),
        (HEAD + b'text\r\n------b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1' + TAIL, FORM),
        (HEAD + b'text\r\n------b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data' + TAIL, FORM),
        (b'------b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nvision\r\n' + HEAD + b"text" + TAIL, FORM),
        (b"------b\r\n" + b"X: y\r\n" * 500 + b"\r\n" + TAIL, FORM),
    ],
)
async def test_a_malformed_form_is_400_and_leaves_nothing(
    client: httpx.AsyncClient, body: bytes, headers: dict[str, str]
) -> None:
    reply = await client.post(
        "/v1/files", content=pieces(*[body[at : at + 7] for at in range(0, len(body), 7)]), headers=headers
    )

    assert reply.status_code == 400
    assert (await client.get("/v1/files")).json()["data"] == []


@pytest.mark.parametrize("size", [1, 3, 64, 10_000])
async def test_however_it_is_cut_the_file_arrives_whole(client: httpx.AsyncClient, size: int) -> None:
    content = bytes(range(256)) + b"\r\n--" + b"\r\n------" + b"x" * 300
    body = HEAD + content + TAIL

    made = await client.post(
        "/v1/files", content=pieces(*[body[at : at + size] for at in range(0, len(body), size)]), headers=FORM
    )

    assert (await client.get(f"/v1/files/{made.json()['id']}/content")).content == content


async def test_a_purpose_after_the_file_is_fine_when_it_is_the_usual_one(client: httpx.AsyncClient) -> None:
    part = b'\r\n------b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants'

    reply = await client.post("/v1/files", content=HEAD + b"text" + part + TAIL, headers=FORM)

    assert reply.status_code == 200


async def test_a_client_that_leaves_mid_upload_leaves_nothing(service: Service, client: httpx.AsyncClient) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": HEAD + b"text", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(_: Message) -> None:
        pass

    headers = {"authorization": f"Bearer {service.secret}"} | FORM
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/files",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await service.app(scope, receive, send)

    assert (await client.get("/v1/files")).json()["data"] == []
