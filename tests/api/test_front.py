"""What the web server says while the application behind it is being loaded and opened, and when that fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from rag_service.api import install
from rag_service.front import Front
from tests.patience import until


class Start:
    """A start whose steps happen when a test says so."""

    def __init__(self) -> None:
        self.may_load, self.may_open, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.is_open = False
        self.load_error: Exception | None = None
        self.open_error: Exception | None = None
        self.front = Front(self._load, stop=self.stopped.set)

    async def _load(self) -> FastAPI:
        await self.may_load.wait()
        if self.load_error:
            raise self.load_error
        app = FastAPI(lifespan=self._open)
        install(app)
        return app

    @asynccontextmanager
    async def _open(self, app: FastAPI) -> AsyncIterator[None]:
        await self.may_open.wait()
        if self.open_error:
            raise self.open_error
        self.is_open = True
        try:
            yield
        finally:
            self.is_open = False


@asynccontextmanager
async def serving(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    """Play the server's part of the lifespan protocol."""
    orders: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    replies: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    living = asyncio.create_task(front({"type": "lifespan"}, orders.get, replies.put))
    await orders.put({"type": "lifespan.startup"})
    assert (await replies.get())["type"] == "lifespan.startup.complete"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://rag.test") as client:
        yield client
    await orders.put({"type": "lifespan.shutdown"})
    assert (await replies.get())["type"] == "lifespan.shutdown.complete"
    await living


@pytest.fixture
async def start() -> Start:
    return Start()


async def test_it_is_alive_before_the_application_is_loaded(start: Start) -> None:
    async with serving(start.front) as client:
        reply = await client.get("/livez")

    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})
    assert reply.headers["x-request-id"].startswith("req_")


async def test_other_requests_wait_for_the_application(start: Start) -> None:
    async with serving(start.front) as client:
        waiting = asyncio.create_task(client.get("/v1/nothing"))
        await asyncio.sleep(0.01)
        is_early = waiting.done()
        start.may_load.set()
        reply = await waiting

    assert not is_early
    assert reply.json()["error"]["code"] == "not_found"


async def test_while_the_application_opens_it_asks_to_come_back(start: Start) -> None:
    start.may_load.set()
    async with serving(start.front) as client:
        reply = await client.get("/v1/models", headers={"authorization": "Bearer x"})

    assert reply.status_code == 503
    assert "retry-after" in reply.headers


async def test_a_stop_closes_what_was_opened(start: Start) -> None:
    start.may_load.set()
    start.may_open.set()

    async with serving(start.front):
        await until(lambda: start.is_open)

    assert not start.is_open
    assert not start.front.has_failed


async def test_a_stop_does_not_wait_for_the_opening(start: Start) -> None:
    start.may_load.set()

    async with asyncio.timeout(60), serving(start.front):
        pass

    assert not start.front.has_failed


@pytest.mark.parametrize("step", ["load_error", "open_error"])
async def test_an_application_that_cannot_run_stops_the_server(start: Start, step: str) -> None:
    setattr(start, step, OSError("no"))
    start.may_load.set()
    start.may_open.set()

    async with asyncio.timeout(60), serving(start.front):
        await start.stopped.wait()

    assert start.front.has_failed
