"""Something large that is open while it is needed, and a while longer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Lending(Generic[Thing]):
    """Opens a thing for the first who needs it and closes it when nobody has needed it for `keep_s`."""

    def __init__(self, open_thing: Callable[[], AbstractAsyncContextManager[Thing]], *, keep_s: float) -> None:
        self._open_thing = open_thing
        self._keep_s = keep_s
        self._opened: list[Thing] = []
        self._stack = AsyncExitStack()
        self._users = 0
        self._one_at_a_time = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Thing]:
        """Lend it until the block ends; several may have it at once."""
        async with self._one_at_a_time:
            self._close_no_more()
            if not self._opened:
                self._opened.append(await self._stack.enter_async_context(self._open_thing()))
            self._users += 1
        try:
            yield self._opened[0]
        finally:
            self._users -= 1
            if not self._users:
                self._closing = asyncio.create_task(self._close_later())

    async def aclose(self) -> None:
        """Close it now."""
        self._close_no_more()
        async with self._one_at_a_time:
            await self._close()

    def _close_no_more(self) -> None:
        if self._closing is not None:
            self._closing.cancel()

    async def _close_later(self) -> None:
        await asyncio.sleep(self._keep_s)
        async with self._one_at_a_time:
            # Whoever needs it from now on waits for the lock, and must not cut the closing short.
            self._closing = None
            await self._close()

    async def _close(self) -> None:
        self._opened.clear()
        await self._stack.aclose()
