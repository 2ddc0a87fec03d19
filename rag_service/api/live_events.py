"""Events that are made while a client reads them, for as long as it is there and its key works."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Generic, Self, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from rag_service.api.problems import ErrorDetail, detail_of
from rag_service.errors import RagError, Unauthenticated

RECHECK_S = 1.0
"""How often a key is checked again; with the cache of authorisations a revoked one ends a stream in under 5 s."""

STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""What keeps a stream of events from being kept or held back on its way."""

Event = TypeVar("Event")

_Watcher = asyncio.Task[None]


class LiveEvents(Generic[Event]):
    """Runs the generator in one task of its own, so that it can be stopped at any moment, also before its first event.

    Iterating raises ClientDisconnect when the client leaves, Unauthenticated when the key stops working, and
    whatever the generator raised. Leaving the `async with` block stops everything. The generator runs at most
    `ahead` events before a slow reader, or to its end when that is None.
    """

    def __init__(
        self,
        events: AsyncGenerator[Event, None],
        *,
        receive: Receive,
        authorise: Callable[[], Awaitable[object]],
        ahead: int | None = None,
    ) -> None:
        self._events = events
        self._receive = receive
        self._authorise = authorise
        self._ahead = ahead
        self._ready: deque[Event] = deque()
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._ended_by: BaseException | None = None

    async def __aenter__(self) -> Self:
        """Start the generator and the watchers."""
        self._pump = asyncio.create_task(self._run())
        self._pump.add_done_callback(lambda _: self._changed.set())
        self._watchers = [asyncio.create_task(self._watch_client()), asyncio.create_task(self._watch_key())]
        for watcher in self._watchers:
            watcher.add_done_callback(self._end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs and wait until it has."""
        tasks = [self._pump, *self._watchers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __aiter__(self) -> Self:
        """Return the events as they come."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event."""
        while self._ended_by is None:
            if self._ready:
                self._taken.set()
                return self._ready.popleft()
            if self._pump.done():
                self._pump.result()
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        raise self._ended_by

    async def _run(self) -> None:
        async with aclosing(self._events) as events:
            async for event in events:
                self._ready.append(event)
                self._changed.set()
                await self._room()

    async def _room(self) -> None:
        while self._ahead is not None and len(self._ready) >= self._ahead:
            self._taken.clear()
            await self._taken.wait()

    async def _watch_client(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientDisconnect

    async def _watch_key(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_S)
            await self._authorise()

    def _end(self, watcher: _Watcher) -> None:
        if watcher.cancelled() or self._ended_by is not None:
            return
        self._ended_by = watcher.exception()
        self._pump.cancel()
        # The reader must wake even when the generator takes its time to stop.
        self._changed.set()


def ending_of(exc: RagError) -> ErrorDetail:
    """Return what the last event of a stream says that `exc` cut short."""
    detail = detail_of(exc)
    if isinstance(exc, Unauthenticated):
        return detail.model_copy(update={"code": "auth_revoked", "message": "The key was revoked or has expired."})
    return detail
