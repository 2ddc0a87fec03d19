"""Many requests from a process of its own, each at the cost of its bytes: who asks takes little from who is asked.

`python -m tests.flood` reads an `Order` from standard input and writes a `Flood` to standard output.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.running import RunningService

_STEP_S = 0.002
_PATIENCE_S = 120.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to send, in turn and again from the beginning.

    Either so many `at_once` are on their way all the time, or so many a second are sent, however many are not answered.
    """

    url: str
    requests: Sequence[str]
    seconds: float
    rate: float = 0.0
    at_once: int = 0


@dataclass(kw_only=True)
class Flood:
    """What came of the requests, by status; `cpu_s` is what sending them took.

    `in_time` are the answers that came in the time of the order, before the last of those who were let in had theirs.
    `faults` are replies that do not look as their status promises.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    in_time: int = 0
    faults: list[str] = field(default_factory=list)
    cpu_s: float = 0.0


def flood(order: Order) -> Flood:
    """Send from another process, and wait for every reply."""
    command = [sys.executable, "-m", "tests.flood"]
    given = json.dumps(asdict(order)).encode()
    limit_s = order.seconds + _PATIENCE_S
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True, timeout=limit_s)  # noqa: S603  (our own module)
    return Flood(**json.loads(done.stdout))


def post(service: RunningService, path: str, body: object) -> str:
    """Return a request in the bytes of HTTP."""
    content = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nhost: {urlsplit(service.url).netloc}\r\nauthorization: Bearer {service.key}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n{content}"


class _Connection(asyncio.Protocol):
    """Sends one request at a time."""

    def __init__(self, sender: "_Sender") -> None:
        self._sender = sender
        self._reply = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        self._reply = b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._reply += data
        head, _, body = self._reply.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length and len(body) == int(length[1]):
            self._sender.note(self, self._reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.lose(self)


class _Sender:
    """The sending end of a flood."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._flood = Flood()
        self._requests = cycle([request.encode() for request in order.requests])
        self._idle: list[_Connection] = []
        self._on_their_way = 0
        self._until = time.perf_counter() + order.seconds

    async def run(self) -> Flood:
        """Send, and return what came of it when the last reply is there."""
        for _ in range(self._order.at_once):
            await self._send()
        started, sent = time.perf_counter(), 0
        while (now := time.perf_counter()) < self._until or self._on_their_way:
            while now < self._until and sent < (now - started) * self._order.rate:
                await self._send()
                sent += 1
            await asyncio.sleep(_STEP_S)
        self._flood.cpu_s = time.process_time()
        return self._flood

    def note(self, connection: _Connection, reply: bytes) -> None:
        """Note a reply; its connection is free."""
        self._on_their_way -= 1
        status, is_in_time = reply[9:12].decode(), time.perf_counter() < self._until
        self._flood.statuses[status] = self._flood.statuses.get(status, 0) + 1
        self._flood.in_time += is_in_time and status == "200"
        if not _looks_as_promised(status, reply):
            self._flood.faults.append(reply.decode())
        if self._order.at_once and is_in_time:
            self._send_over(connection)
        else:
            self._idle.append(connection)

    def lose(self, connection: _Connection) -> None:
        """Use a connection no more: the service closes those that are idle. One that is closed otherwise has lost a reply."""
        if connection in self._idle:
            self._idle.remove(connection)
        else:
            self._on_their_way -= 1
            self._flood.faults.append("no reply")

    async def _send(self) -> None:
        if self._idle:
            self._send_over(self._idle.pop())
            return
        address = urlsplit(self._order.url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), address.hostname, address.port)
        self._send_over(connection)

    def _send_over(self, connection: _Connection) -> None:
        self._on_their_way += 1
        connection.send(next(self._requests))


def _looks_as_promised(status: str, reply: bytes) -> bool:
    is_refusal = b"\r\nretry-after: " in reply and b'"rate_limit_exceeded"' in reply
    return status == "200" or (status == "429" and is_refusal)


if __name__ == "__main__":
    found = uvloop.run(_Sender(Order(**json.load(sys.stdin))).run())
    json.dump(vars(found), sys.stdout)
