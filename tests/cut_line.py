"""A line between programs and a server that can be cut, and can go dead without a word."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from tests.running import free_port

Result = TypeVar("Result")
_CHUNK = 65536


class Line:
    """Passes on what comes to `port`, to a server's port. It has a thread of its own, so tests may wait for it."""

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._open = asyncio.Event()
        self._ends: set[asyncio.StreamWriter] = set()
        self._listener = self._do(self._listen())

    def cut(self) -> None:
        """End every connection; nobody gets another."""
        self._do(self._cut())

    def go_dead(self) -> None:
        """Keep every connection, take new ones, and pass nothing on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def heal(self) -> None:
        """Pass on everything again."""
        if not self._listener.is_serving():
            self._listener = self._do(self._listen())
        self._loop.call_soon_threadsafe(self._open.set)

    def close(self) -> None:
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> asyncio.Server:
        self._open.set()
        return await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        self._listener.close()
        self._open.set()
        for end in self._ends:
            end.transport.abort()
        mine = asyncio.all_tasks() - {asyncio.current_task()}
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        self._ends |= ends
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            ends.add(there_writer)
            self._ends |= ends
            passing = [
                asyncio.create_task(self._pass_on(reader, there_writer)),
                asyncio.create_task(self._pass_on(there_reader, writer)),
            ]
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            for task in passing:
                task.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while content := await reader.read(_CHUNK):
                await self._open.wait()
                writer.write(content)
                await writer.drain()


@contextmanager
def line_to(server_port: int) -> Iterator[Line]:
    """Lay a line to a server."""
    line = Line(server_port)
    try:
        yield line
    finally:
        line.close()
