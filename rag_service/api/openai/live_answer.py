"""The events of an answer, for as long as the client is there and its key works."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from rag_service.domain.answers import AnswerEvent

RECHECK_S = 1.0
"""How often a key is checked again; with the cache of authorisations a revoked one ends a stream in under 5 s."""

_Watcher = asyncio.Task[None]


class LiveAnswer:
    """Runs the generator in one task of its own, so that it can be stopped at any moment, also before its first event.

    Iterating raises ClientDisconnect when the client leaves, Unauthenticated when the key stops working, and
    whatever the generator raised. Leaving the `async with` block stops everything.
    """

    def __init__(
        self, events: AsyncGenerator[AnswerEvent, None], *, receive: Receive, authorise: Callable[[], Awaitable[object]]
    ) -> None:
        self._events = events
        self._receive = receive
        self._authorise = authorise
        # Unbounded, as an answer is short: a slow reader must not keep the generator's slot.
        self._queue: asyncio.Queue[AnswerEvent | None] = asyncio.Queue()
        self._ended_by: BaseException | None = None

    async def __aenter__(self) -> Self:
        """Start the generator and the watchers."""
        self._pump = asyncio.create_task(self._run())
        self._pump.add_done_callback(lambda _: self._queue.put_nowait(None))
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

    async def __anext__(self) -> AnswerEvent:
        """Return the next event."""
        event = await self._queue.get()
        if self._ended_by is not None:
            raise self._ended_by
        if event is None:
            self._pump.result()
            raise StopAsyncIteration
        return event

    async def _run(self) -> None:
        async with aclosing(self._events) as events:
            async for event in events:
                self._queue.put_nowait(event)

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
        self._queue.put_nowait(None)
