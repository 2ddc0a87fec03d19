"""Start the runs of sources that are due."""

from collections.abc import Callable
from datetime import datetime

from rag_service.domain.access import system_scope
from rag_service.domain.sync import Source
from rag_service.errors import Conflict, NotFound
from rag_service.ports.catalog import Catalog
from rag_service.ports.job_queue import JobQueue
from rag_service.use_cases.sources.new_runs import add_run


class StartDueRuns:
    """Gives each source whose pause is over a run, unless one is open or its draft waits for a person."""

    def __init__(self, *, catalog: Catalog, queue: JobQueue, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._queue = queue
        self._clock = clock

    async def __call__(self) -> int:
        """Return how many runs were started. Safe to repeat, and in several processes at once."""
        async with self._catalog.reading() as tx:
            scheduled = await tx.sources.scheduled()
        now = self._clock()
        return sum([await self._start(source, now) for source in scheduled if source.is_due(now)])

    async def _start(self, source: Source, now: datetime) -> bool:
        scope = system_scope(source.tenant_id)
        try:
            async with self._catalog.writing() as tx:
                # Another process may have started it since it was read.
                current = await tx.sources.get(scope, source.id, hold=True)
                if not current.is_due(now):
                    return False
                _, job = await add_run(tx, scope, current, now=now)
        except (Conflict, NotFound):
            return False
        await self._queue.announce([job])
        return True
