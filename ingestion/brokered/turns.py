"""What a worker's process does when a message wakes it: all that is due in its worker's queues, until nothing is."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from ingestion.jobs import JobRunner
from ingestion.lanes import LANES, Lane
from ingestion.waiting import pause
from rag_service.domain.jobs import Job
from rag_service.domain.work_queues import QUEUE_OF, WorkQueue, kinds_of
from rag_service.errors import DependencyUnavailable
from rag_service.ports.job_queue import JobQueue

TURN_S = 5.0
"""Then what is running ends, and another message goes on with the rest: none is held for hours."""

_log = structlog.get_logger()


@dataclass(kw_only=True)
class _Turn:
    """What the lanes of a turn know of each other. `lasting` run jobs that were begun in time."""

    stop: asyncio.Event
    ends_at: float
    idle: set[str] = field(default_factory=set)
    lasting: set[str] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.ends_at

    def goes_on(self) -> bool:
        """Say whether another job may be begun: after the end, only beside one that takes long."""
        return not self.stop.is_set() and (not self.is_late or bool(self.lasting))


class Turns:
    """The turns of one process, one at a time. `served` are the queues of its worker."""

    def __init__(self, *, runner: JobRunner, queue: JobQueue, served: frozenset[WorkQueue], poll_s: float) -> None:
        self._runner = runner
        self._queue = queue
        self._poll_s = poll_s
        # All of them whatever the message was about: a long job in one keeps nobody waiting in another.
        own = (lane.only(kinds_of(served)) for lane in LANES)
        self._lanes = [lane for lane in own if lane.queues]

    async def take(self, queue: WorkQueue, stop: asyncio.Event) -> None:
        """Work off what is due; `queue` is what the message was about.

        After `stop` nothing is begun. When it is cancelled, the jobs at hand are given back.
        """
        turn = _Turn(stop=stop, ends_at=time.monotonic() + TURN_S)
        try:
            async with asyncio.TaskGroup() as loops:
                for lane in self._lanes:
                    loops.create_task(self._work_off(lane, turn))
        except* DependencyUnavailable as outage:
            # The sweep sends another message; by then it may be over.
            _log.warning("worker_waits", queue=queue, reason=str(outage.exceptions[0]))
        else:
            if not self._is_done(turn) and not stop.is_set():
                await self._queue.wake([queue])

    async def _work_off(self, lane: Lane, turn: _Turn) -> None:
        while turn.goes_on() and not self._is_done(turn):
            if not await self._run(lane, turn) and not self._is_done(turn):
                turn.changed.clear()
                await pause(turn.changed, self._poll_s)

    async def _run(self, lane: Lane, turn: _Turn) -> bool:
        turn.idle.discard(lane.name)
        if not turn.is_late:
            turn.lasting.add(lane.name)
        try:
            ran = await self._runner.run_next(lane, on_claimed=self._call_others)
        finally:
            turn.lasting.discard(lane.name)
        if ran:
            # It may be all that a draft was waiting for, or make room for the next one.
            if await self._runner.enqueue_due_seals():
                await self._queue.wake([WorkQueue.INDEX])
            turn.idle.clear()
        else:
            turn.idle.add(lane.name)
        if ran or self._is_done(turn):
            turn.changed.set()
        return bool(ran)

    def _is_done(self, turn: _Turn) -> bool:
        return len(turn.idle) == len(self._lanes)

    async def _call_others(self, claimed: Sequence[Job]) -> None:
        # There may be more than this process can do. Only a claim calls: what nobody can claim keeps nobody busy.
        await self._queue.wake({QUEUE_OF[job.kind] for job in claimed})
