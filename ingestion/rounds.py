"""What is looked at now and then, beside a worker's jobs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import structlog

from ingestion.waiting import beside
from rag_service.errors import DependencyUnavailable

_log = structlog.get_logger()


class Rounds:
    """Starts what is due, again and again. Several workers may do so at the same time."""

    def __init__(self, start: Callable[[], Awaitable[int]], *, of: str, every_s: float) -> None:
        self._start = start
        self._of = of
        self._every_s = every_s

    def running(self) -> AbstractAsyncContextManager[None]:
        """Look now and then again on schedule, until the block ends."""
        return beside(self._repeat())

    async def _repeat(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(self._every_s)

    async def _look(self) -> None:
        try:
            started = await self._start()
        except DependencyUnavailable as exc:
            _log.warning("round_waits", of=self._of, reason=str(exc))
        except Exception:  # noqa: BLE001  (the worker's edge: an error in one round must not end all rounds)
            _log.exception("round_failed", of=self._of)
        else:
            if started:
                _log.info("round_started_work", of=self._of, started=started)
