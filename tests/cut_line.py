"""A line between programs and a server that can be cut, and can go dead without a word."""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.running import free_port

Result = TypeVar("Result")
_CHUNK = 65536


class Line:
    """Passes on what comes to `port`, to a server's port. It has a thread of its own, so tests may wait for it.

    It works on plain sockets: streams and servers of asyncio leave one open that they are accepting when they end.
    """

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._open = asyncio.Event()
        self._connections: dict[asyncio.Task[None], socket.socket] = {}
        self._listener = self._do(self._listen())

    def cut(self) -> None:
        """End every connection; nobody gets another."""
        self._do(self._cut())

    def go_dead(self) -> None:
        """Keep every connection, take new ones, and pass nothing on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def heal(self) -> None:
        """Pass on everything again."""
        if self._listener.fileno() < 0:
            self._listener = self._do(self._listen())
        self._loop.call_soon_threadsafe(self._open.set)

    def close(self) -> None:
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> socket.socket:
        self._open.set()
        listener = socket.create_server(("127.0.0.1", self.port))
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept, listener)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        try:
            here, _ = listener.accept()
        except OSError:  # whoever called has gone again
            return
        here.setblocking(False)
        connection = self._loop.create_task(self._connect(here))
        self._connections[connection] = here
        connection.add_done_callback(self._forget)

    def _forget(self, connection: asyncio.Task[None]) -> None:
        self._connections.pop(connection).close()

    async def _cut(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)
            self._listener.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connect(self, here: socket.socket) -> None:
        """Pass on in both directions until one of them ends."""
        with socket.socket() as there:
            there.setblocking(False)
            try:
                await self._loop.sock_connect(there, ("127.0.0.1", self._server_port))
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass_on(here, there))
                    both.create_task(self._pass_on(there, here))
            except* OSError:
                pass

    async def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        while content := await self._loop.sock_recv(source, _CHUNK):
            await self._open.wait()
            await self._loop.sock_sendall(target, content)
        raise ConnectionAbortedError("one side has ended the connection")


@contextmanager
def line_to(server_port: int) -> Iterator[Line]:
    """Lay a line to a server."""
    line = Line(server_port)
    try:
        yield line
    finally:
        line.close()
