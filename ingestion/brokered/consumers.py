"""Whether somebody takes the jobs of every queue: by what the broker says, and by what workers say themselves."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from rag_service.domain.work_queues import SERVED_QUEUES, WorkQueue, kinds_of
from rag_service.errors import DependencyUnavailable, Misconfigured
from rag_service.ports.catalog import Catalog
from rag_service.queue.broker import Broker
from rag_service.settings import Settings

_LOOK_S = 1.0

_log = structlog.get_logger()


class Consumers:
    """The workers of all machines together: each may serve some of the queues."""

    def __init__(self, *, catalog: Catalog, broker: Broker, clock: Callable[[], datetime], settings: Settings) -> None:
        self._catalog = catalog
        self._broker = broker
        self._clock = clock
        self._within_s = settings.queue.consumers_within_s
        self._silence = settings.jobs.silence

    async def until_complete(self) -> None:
        """Wait until every queue has a worker; time in which nobody can tell does not count.

        Raises:
            Misconfigured: a queue had none for too long.
        """
        waited_s, began = 0.0, time.monotonic()
        while True:
            try:
                lacking = await self.lacking()
                waited_s += time.monotonic() - began
            except DependencyUnavailable as exc:
                _log.warning("workers_not_counted", reason=str(exc))
            else:
                if not lacking:
                    return
                if waited_s > self._within_s:
                    raise Misconfigured(_refusal(lacking))
            began = time.monotonic()
            await asyncio.sleep(_LOOK_S)

    async def report(self) -> None:
        """Log which queues have no worker now."""
        try:
            for queue in sorted(await self.lacking()):
                _log.warning("queue_without_worker", queue=queue)
        except DependencyUnavailable as exc:
            _log.warning("workers_not_counted", reason=str(exc))

    async def lacking(self) -> frozenset[WorkQueue]:
        """Return the queues with jobs but without a worker that takes them.

        Raises:
            DependencyUnavailable: broker or catalog cannot be reached.
        """
        async with self._catalog.reading() as tx:
            kinds = await tx.workers.served_kinds(since=self._clock() - self._silence)
        announced = {queue for queue in SERVED_QUEUES if kinds_of([queue]) <= kinds}
        return SERVED_QUEUES - (announced & await asyncio.to_thread(self._broker.consumed))


def _refusal(lacking: frozenset[WorkQueue]) -> str:
    names = ",".join(sorted(lacking))
    return f"No worker takes jobs of {names}, so they would wait for ever. Start one: rag worker --queues {names}"
