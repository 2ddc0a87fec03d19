"""How far a job is, written to the job table no more often than people can read it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from rag_service.domain.jobs import Job
from rag_service.errors import DependencyUnavailable, LeaseLost
from rag_service.ports.catalog import Catalog

INTERVAL_S = 1.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Note:
    stage: str
    done: int
    total: int | None


class Notes:
    """Keeps the newest note until it is written."""

    def __init__(self) -> None:
        self._newest: _Note | None = None
        self._changed = asyncio.Event()

    def set(self, stage: str, done: int, total: int | None) -> None:
        """Say how far the work is: `done` of `total` pages or chunks of a stage, as far as that is known."""
        self._newest = _Note(stage, done, total)
        self._changed.set()

    async def next(self) -> _Note:
        """Return the newest note, once there is one that was not returned."""
        await self._changed.wait()
        self._changed.clear()
        if self._newest is None:
            raise RuntimeError("the event is set after the note")
        return self._newest


class ProgressNotes:
    """Writes what is noted about a job."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime], interval_s: float = INTERVAL_S) -> None:
        self._catalog = catalog
        self._clock = clock
        self._interval_s = interval_s

    @asynccontextmanager
    async def of(self, jobs: Sequence[Job]) -> AsyncIterator[Notes]:
        """Write the newest note at most once per interval until the block ends."""
        notes = Notes()
        # Only a job of its own takes long enough for somebody to watch it.
        writing = [asyncio.create_task(self._write(job, notes)) for job in jobs[:1] if len(jobs) == 1]
        try:
            yield notes
        finally:
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)

    async def _write(self, job: Job, notes: Notes) -> None:
        while True:
            note = await notes.next()
            try:
                async with self._catalog.writing() as tx:
                    await tx.jobs.progress(
                        job.id, job.fence, stage=note.stage, done=note.done, total=note.total, now=self._clock()
                    )
            except LeaseLost:
                return  # who renews the lease finds out as well, and stops the work
            except DependencyUnavailable:
                _log.warning("progress_not_noted", job_id=job.id)
            await asyncio.sleep(self._interval_s)
