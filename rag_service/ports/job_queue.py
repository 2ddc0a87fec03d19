"""Telling workers that there is work. Losing a message costs time, never a job."""

from collections.abc import Collection, Sequence
from typing import Protocol

from rag_service.domain.jobs import Job
from rag_service.domain.work_queues import WorkQueue


class JobQueue(Protocol):
    """Says "look at the jobs of this queue" to the workers, after the transaction that wrote the jobs.

    Nothing here raises or waits for a broker: what is not told, a sweep of the job table finds.
    """

    async def announce(self, jobs: Sequence[Job]) -> None:
        """Tell workers about jobs."""

    async def wake(self, queues: Collection[WorkQueue]) -> None:
        """Tell workers that these queues have jobs that are due."""
