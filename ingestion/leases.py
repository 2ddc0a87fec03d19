"""Holding on to jobs while they run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from rag_service.domain.access import system_scope
from rag_service.domain.jobs import Job, JobState
from rag_service.errors import CatalogUnavailable, LeaseLost
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.seal_plan import StillHeld

Result = TypeVar("Result")

_log = structlog.get_logger()


class Leases:
    """Renews the leases of running jobs, three times per lease."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime], lease_s: float) -> None:
        self._catalog = catalog
        self._clock = clock
        self._lease_s = lease_s

    async def hold(self, jobs: Sequence[Job], work: Awaitable[Result]) -> Result:
        """Run `work`, renewing the leases of `jobs`; it is cancelled when every one of them is lost.

        Raises:
            LeaseLost: other workers hold all of the jobs now.
        """
        task = asyncio.ensure_future(work)
        heart = asyncio.create_task(self._beat(jobs))
        try:
            await asyncio.wait({task, heart}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                heart.result()  # raises what stopped it, if it was more than lost leases
                raise LeaseLost("Other workers hold these jobs now.")
            return task.result()
        finally:
            for pending in (task, heart):
                pending.cancel()
            await asyncio.gather(task, heart, return_exceptions=True)

    async def _beat(self, jobs: Sequence[Job]) -> None:
        held = list(jobs)
        while held:
            await asyncio.sleep(self._lease_s / 3)
            try:
                held = await self._extend(held)
            except CatalogUnavailable:
                _log.warning("lease_not_renewed", jobs=len(held))

    async def _extend(self, jobs: Sequence[Job]) -> list[Job]:
        async with self._catalog.writing() as tx:
            held = await tx.jobs.extend(jobs, now=self._clock(), lease=timedelta(seconds=self._lease_s))
        if len(held) < len(jobs):
            _log.info("leases_gone", jobs=len(jobs) - len(held))  # finished already, or taken by another worker
        return [job for job in jobs if job.id in held]


async def is_held(tx: Transaction, job: Job) -> bool:
    """Say whether this worker still holds the job, until the transaction ends."""
    try:
        await tx.jobs.assert_held(job.id, job.fence)
    except LeaseLost:
        return False
    return True


def still_held_of(catalog: Catalog, job: Job) -> StillHeld:
    """Return what says whether this worker still holds the job."""

    async def check(tx: Transaction | None = None) -> None:
        if tx is not None:
            await tx.jobs.assert_held(job.id, job.fence)
            return
        async with catalog.reading() as own:
            now = await own.jobs.get(system_scope(job.tenant_id), job.id)
        if now.fence != job.fence or now.state is not JobState.RUNNING:
            raise LeaseLost(f"Job {job.id} is no longer held by this worker.")

    return check
