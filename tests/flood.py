"""Many requests from a process of its own, each at the cost of its bytes: who asks takes little from who is asked.

`python -m tests.flood` reads an `Order` from standard input and writes a `Flood` to standard output.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.running import RunningService

_STEP_S = 0.002
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to send, in turn and again from the beginning.

    With `rate` 0 as many as `at_once` are on their way all the time; otherwise so many a second are sent, however
    many are not answered.
    """

    url: str
    requests: Sequence[str]
    seconds: float
    rate: float = 0.0
    at_once: int = 0


@dataclass(kw_only=True)
class Flood:
    """What came of the requests by status; `cpu_s` is what sending them took.

    `answered` are the 200s within the `seconds`. `faults` are replies that do not look as their status promises.
    """

    statuses: dict[str, int] = field(default_factory=Counter)
    answered: int = 0
    latencies_s: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: float = 0.0


def flood(order: Order) -> Flood:
    """Send from another process, and wait for every reply."""
    command = [sys.executable, "-m", "tests.flood"]
    done = subprocess.run(command, input=json.dumps(asdict(order)).encode(), stdout=subprocess.PIPE, check=True)
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
        self._sent = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        self._reply, self._sent = b"", time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._reply += data
        head, _, body = self._reply.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length and len(body) == int(length[1]):
            self._sender.note(self, self._reply, time.perf_counter() - self._sent)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.lose(self)


class _Sender:
    """The sending end of a flood."""

    def __init__(self, order: Order) -> None:
        self.flood = Flood()
        self._order = order
        self._requests = cycle([request.encode() for request in order.requests])
        self._idle: list[_Connection] = []
        self._open = 0
        self._until = 0.0
        self._pending = 0
        self._are_answered = asyncio.Event()

    async def run(self) -> Flood:
        started = time.perf_counter()
        self._until = started + self._order.seconds
        for _ in range(self._order.at_once):
            await self._send()
        sent = 0
        while (now := time.perf_counter()) < self._until:
            due = int((now - started) * self._order.rate)
            for _ in range(due - sent):
                await self._send()
            sent = due
            await asyncio.sleep(_STEP_S)
        while self._pending:
            await asyncio.sleep(_STEP_S)
        self.flood.seconds = time.perf_counter() - started
        self.flood.cpu_s = time.process_time()
        return self.flood

    def note(self, connection: _Connection, reply: bytes, seconds: float) -> None:
        status = reply[9:12].decode()
        self.flood.statuses[status] += 1
        self._pending -= 1
        in_time = time.perf_counter() < self._until
        if status == "200":
            self.flood.answered += in_time
            self.flood.latencies_s.append(seconds)
        elif status != "429" or b"\r\nretry-after: " not in reply or b'"rate_limit_exceeded"' not in reply:
            self.flood.faults.append(reply.decode())
        if b"\r\nconnection: close" in reply:
            return
        if self._order.rate or not in_time:
            self._idle.append(connection)
        else:
            self._pending += 1
            connection.send(next(self._requests))

    def lose(self, connection: _Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    async def _send(self) -> None:
        self._pending += 1
        if self._idle:
            connection = self._idle.pop()
        else:
            parts = urlsplit(self._order.url)
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(lambda: _Connection(self), parts.hostname, parts.port)
        connection.send(next(self._requests))


if __name__ == "__main__":
    found = uvloop.run(_Sender(Order(**json.load(sys.stdin))).run())
    json.dump(vars(found), sys.stdout)
