"""Open connections to the index host, kept for the next request."""

import asyncio
from contextlib import suppress
from pathlib import Path

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_MOST_IDLE = 8


class SocketPool:
    """Connections to one Unix socket, for one event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[Connection] = []

    def take_idle(self) -> Connection | None:
        """Return a connection that was used before; it may have died since."""
        return self._idle.pop() if self._idle else None

    async def connect(self) -> Connection:
        return await asyncio.open_unix_connection(self._path)

    def give_back(self, connection: Connection) -> None:
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection[1].close()

    def drop_idle(self) -> None:
        """Forget every kept connection: when one has died, its host has."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def aclose(self) -> None:
        writers = [writer for _, writer in self._idle]
        self.drop_idle()
        for writer in writers:
            with suppress(ConnectionError):
                await writer.wait_closed()
