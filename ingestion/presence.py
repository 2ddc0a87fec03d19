"""A worker that says it is there, so that people see when nobody takes their jobs."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from rag_service.domain.ids import WorkerId, new_id
from rag_service.domain.jobs import JobKind, Worker
from rag_service.errors import DependencyUnavailable
from rag_service.ports.catalog import Catalog

_log = structlog.get_logger()


class Presence:
    """Announces this process as a worker for some kinds of jobs, again and again while it is `shown`."""

    def __init__(
        self, *, catalog: Catalog, kinds: frozenset[JobKind], clock: Callable[[], datetime], every_s: float
    ) -> None:
        self._catalog = catalog
        self._kinds = kinds
        self._clock = clock
        self._every_s = every_s
        self._id = WorkerId(new_id("worker_"))

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Be among the workers until the block ends."""
        heart = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            await self._withdraw()

    async def _beat(self) -> None:
        while True:
            try:
                async with self._catalog.writing() as tx:
                    await tx.workers.announce(self._now())
            except DependencyUnavailable as exc:
                _log.warning("worker_not_announced", reason=str(exc))
            await asyncio.sleep(self._every_s)

    def _now(self) -> Worker:
        return Worker(id=self._id, kinds=self._kinds, host=socket.gethostname(), pid=os.getpid(), seen_at=self._clock())

    async def _withdraw(self) -> None:
        try:
            async with self._catalog.writing() as tx:
                await tx.workers.withdraw(self._id)
        except DependencyUnavailable as exc:
            _log.warning("worker_not_withdrawn", reason=str(exc))
