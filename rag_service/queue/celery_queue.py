"""Wakes Celery workers. What is to be said is kept in memory until it is sent: nobody waits for the broker."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence

import structlog

from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Job
from rag_service.domain.work_queues import QUEUE_OF, SERVED_QUEUES, WorkQueue
from rag_service.errors import DependencyUnavailable
from rag_service.queue.broker import Broker

SILENT_S = 5.0
"""How long nothing is sent after the broker could not be reached. The sweep says it again."""

_FAREWELL_S = 2.0

_log = structlog.get_logger()


class CeleryQueue:
    """Sends one wake-up per queue for whatever was announced since the last one was sent."""

    def __init__(self, broker: Broker, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._monotonic = monotonic
        self._unsent: dict[WorkQueue, JobId | None] = {}
        self._sending: asyncio.Task[None] | None = None
        self._silent_until = float("-inf")

    async def announce(self, jobs: Sequence[Job]) -> None:
        """Note their queues, to be sent at once."""
        self._note({QUEUE_OF[job.kind]: job.id for job in jobs if QUEUE_OF[job.kind] in SERVED_QUEUES})

    async def wake(self, queues: Collection[WorkQueue]) -> None:
        """Note the queues, to be sent at once."""
        self._note(dict.fromkeys(queues))

    async def aclose(self) -> None:
        """Send what is noted, if that is quick, and close the connections."""
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=_FAREWELL_S)
            self._sending.cancel()
        await asyncio.to_thread(self._broker.close)

    def _note(self, queues: dict[WorkQueue, JobId | None]) -> None:
        if not queues or self._monotonic() < self._silent_until:
            return
        self._unsent |= queues
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while self._unsent:
            queue = next(iter(self._unsent))
            about = self._unsent.pop(queue)
            try:
                await asyncio.to_thread(self._broker.wake, queue, about)
            except DependencyUnavailable as exc:
                _log.warning("wake_up_not_sent", queue=queue, reason=str(exc))
                self._unsent.clear()
                self._silent_until = self._monotonic() + SILENT_S
