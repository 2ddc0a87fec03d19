"""Starting the runs that are due, beside a worker's jobs."""

import asyncio
from contextlib import AbstractAsyncContextManager

import structlog

from ingestion.waiting import beside
from rag_service.errors import DependencyUnavailable
from rag_service.use_cases.sources.due_runs import StartDueRuns

_log = structlog.get_logger()


class SourceSchedule:
    """Looks now and then which sources are due. Several workers may do so at the same time."""

    def __init__(self, *, start: StartDueRuns, every_s: float) -> None:
        self._start = start
        self._every_s = every_s

    def running(self) -> AbstractAsyncContextManager[None]:
        """Look now and then again on schedule, until the block ends."""
        return beside(self._repeat())

    async def _repeat(self) -> None:
        while True:
            try:
                started = await self._start()
                if started:
                    _log.info("source_runs_started", runs=started)
            except DependencyUnavailable as exc:
                _log.warning("source_schedule_waits", reason=str(exc))
            except Exception:  # noqa: BLE001  (the worker's edge: an error in one round must not end all rounds)
                _log.exception("source_schedule_failed")
            await asyncio.sleep(self._every_s)
