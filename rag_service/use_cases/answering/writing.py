"""An answer while it is written, for everybody who waits for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from rag_service.domain.answers import UnitEmitted
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.answering.written import Written
from rag_service.use_cases.write_answer import WrittenAnswer


class Write(Protocol):
    """Writes one answer."""

    def __call__(self, *, into: WrittenAnswer, watch: Stopwatch) -> AsyncGenerator[UnitEmitted, None]:
        """Yield its units."""


class AlreadyWritten:
    """What needs no writing any more."""

    def __init__(self, written: Written) -> None:
        self._written = written

    async def steps(self) -> AsyncGenerator[UnitEmitted | Written, None]:
        """Yield the units, then all of it."""
        for unit in self._written.units:
            yield unit
        yield self._written


class Writing:
    """Runs in a task of its own, which ends with the last who waits: nobody's leaving disturbs the others.

    It takes a slot first; `on_end` is called with what was written, before anybody is told.
    """

    def __init__(self, write: Write, *, slots: asyncio.Semaphore, on_end: Callable[[Written], None]) -> None:
        self._write = write
        self._slots = slots
        self._on_end = on_end
        self._units: list[UnitEmitted] = []
        self._has_slot = False
        self._is_paid = False
        self._waiting = 0
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    @property
    def is_deserted(self) -> bool:
        """Whether the last who waited has left, or nobody has come yet."""
        return self._waiting == 0

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Be one of those who wait; the block begins when it can be written."""
        self._waiting += 1
        try:
            while not (self._has_slot or self._task.done()):
                await self._changed.wait()
            yield
        finally:
            self._waiting -= 1
            if self.is_deserted:
                self._task.cancel()

    async def stopped(self) -> None:
        """Wait until the task has ended, and with it what it asked of others."""
        await asyncio.wait([self._task])

    async def steps(self) -> AsyncGenerator[UnitEmitted | Written, None]:
        """Yield the units from the first on as they are verified, then all of it. The first to get there pays."""
        self._wanted.set()
        sent = 0
        while sent < len(self._units) or not self._task.done():
            if sent == len(self._units):
                await self._changed.wait()
                continue
            yield self._units[sent]
            sent += 1
        yield self._claimed()

    async def _run(self) -> Written:
        into, watch = WrittenAnswer(), Stopwatch()
        async with self._slots:
            self._has_slot = True
            self._tell()
            # Not before the sources were sent.
            await self._wanted.wait()
            async with aclosing(self._write(into=into, watch=watch)) as units:
                async for unit in units:
                    self._units.append(unit)
                    self._tell()
        written = into.written(self._units, timings_ms=watch.stages_ms())
        self._on_end(written)
        return written

    def _ended(self, task: asyncio.Task[Written]) -> None:
        # An error is for those who wait; when all have left, nobody has to be told.
        _ = task.cancelled() or task.exception()
        self._tell()

    def _tell(self) -> None:
        told, self._changed = self._changed, asyncio.Event()
        told.set()

    def _claimed(self) -> Written:
        written = self._task.result()
        if self._is_paid:
            return written.again()
        self._is_paid = True
        return written
