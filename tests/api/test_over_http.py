"""What only a real server shows: pieces leave when they are ready, and a closed connection is noticed."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from tests.api.parts import MAX_FILE_BYTES, QUOTE, Service
from tests.patience import PATIENCE_S, until

ASK = {"model": "handbook", "stream": True, "messages": [{"role": "user", "content": "When?"}]}


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application behind uvicorn."""
    await service.corpus()
    config = uvicorn.Config(service.app, host="127.0.0.1", port=0, log_config=None, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"authorization": f"Bearer {service.secret}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S) as client:
        yield client
    server.should_exit = True
    await serving


async def test_the_first_chunk_leaves_before_the_answer_is_finished(service: Service, http: httpx.AsyncClient) -> None:
    service.parts.ask_question.after_first = asyncio.Event()

    async with asyncio.timeout(PATIENCE_S), http.stream("POST", "/v1/chat/completions", json=ASK) as reply:
        lines = reply.aiter_lines()
        first = await anext(lines)
        service.parts.ask_question.after_first.set()
        rest = [line async for line in lines]

    assert QUOTE in first
    assert rest[-2] == "data: [DONE]"


@pytest.mark.parametrize("held", ["before_first", "after_first"])
async def test_closing_the_connection_stops_the_question(service: Service, http: httpx.AsyncClient, held: str) -> None:
    asked = service.parts.ask_question
    setattr(asked, held, asyncio.Event())

    heard = asyncio.Event()
    call = asyncio.create_task(listen(http, heard))
    await until(lambda: heard.is_set() if held == "after_first" else asked.asked)

    call.cancel()

    await asyncio.gather(call, return_exceptions=True)
    await until(lambda: asked.closed)


async def listen(http: httpx.AsyncClient, heard: asyncio.Event) -> None:
    async with http.stream("POST", "/v1/chat/completions", json=ASK) as reply:
        async for _ in reply.aiter_lines():
            heard.set()


async def test_an_upload_that_never_says_its_length_is_told_413(http: httpx.AsyncClient) -> None:
    async def far_too_much() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
        for _ in range(50 * MAX_FILE_BYTES // 100_000):
            yield b"x" * 100_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    async with asyncio.timeout(PATIENCE_S):
        reply = await http.post("/v1/files", content=far_too_much(), headers=headers)

    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "too_large"
