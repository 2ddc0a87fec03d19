"""Requests at a steady rate, sent when they are due and not when the one before is answered, as far as there is room."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
Body = Callable[[int], tuple[str, Json]]
Check = Callable[[str, Json], str]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_KEPT_S = 2.0
"""How long an idle connection is used again: the service closes one after five seconds."""


@dataclass(kw_only=True)
class Outcome:
    """What became of the requests. Latencies count from when a request was due, so waiting for its turn is in them."""

    latencies_s: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies_s) / self.seconds


class Caller:
    """Posts JSON to a service over kept connections, with little more work than the bytes need."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 80))
        self._head = f"host: {parts.netloc}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        self._idle: list[tuple[float, Connection]] = []

    async def post(self, path: str, body: Json) -> tuple[int, Json]:
        """Return status and body of the reply."""
        connection = await self._connected()
        try:
            status, reply = await self._exchange(connection, path, body)
        except BaseException:
            connection[1].close()
            raise
        self._idle.append((time.monotonic(), connection))
        return status, reply

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            await _close(self._idle.pop()[1])

    async def _connected(self) -> Connection:
        # The one used last; when that one is old, so are all, and the service may be closing them now.
        if self._idle and time.monotonic() - self._idle[-1][0] < _KEPT_S:
            return self._idle.pop()[1]
        await self.close()
        return await asyncio.open_connection(*self._address)

    async def _exchange(self, connection: Connection, path: str, body: Json) -> tuple[int, Json]:
        reader, writer = connection
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\n{self._head}content-length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(line.split(":")[1]) for line in headers if line.startswith("content-length:"))
        return int(status.split()[1]), json.loads(await reader.readexactly(length))


async def steady(
    callers: Sequence[Caller],
    body: Body,
    check: Check,
    *,
    rate: float,
    seconds: float,
    until: Callable[[], bool] = lambda: True,
    at_once: int = 16,
    by_chance: bool = False,
) -> Outcome:
    """Send `rate` requests a second, in turn to the callers; `check` says what is wrong with a reply, if anything.

    They are due at even intervals, or `by_chance` as a Poisson process, always the same one.

    It ends after `seconds`, or later, when `until` holds: what is to happen meanwhile may take a slow machine longer.

    `body` makes the path and the body of each request from its number. While `at_once` of them are on their way, the
    next ones wait here: a service that cannot keep up answers fewer, and each later, but is not buried.
    """
    outcome, slots = Outcome(), asyncio.Semaphore(at_once)
    intervals = random.Random(1) if by_chance else None  # noqa: S311  (repeatable, not secret)
    started = time.perf_counter()

    async def send(number: int, due: float) -> None:
        path, sent = body(number)
        try:
            status, reply = await callers[number % len(callers)].post(path, sent)
        except (OSError, asyncio.IncompleteReadError) as exc:
            outcome.faults.append(repr(exc))
            return
        finally:
            slots.release()
        outcome.latencies_s.append(time.perf_counter() - due)
        fault = check(path, reply) if status == 200 else f"status {status}: {reply}"
        if fault:
            outcome.faults.append(fault)

    async with asyncio.TaskGroup() as requests:
        due = started
        for number in takewhile(lambda sent: sent < int(rate * seconds) or not until(), count()):
            due += intervals.expovariate(rate) if intervals else 1 / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await slots.acquire()
            requests.create_task(send(number, due))
    outcome.seconds = time.perf_counter() - started
    return outcome


async def _close(connection: Connection) -> None:
    connection[1].close()
    await connection[1].wait_closed()
