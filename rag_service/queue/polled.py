"""The queue of the embedded service: workers poll the job table, so there is nothing to say."""

from collections.abc import Collection, Sequence

from rag_service.domain.jobs import Job
from rag_service.domain.work_queues import WorkQueue


class PolledQueue:
    """Announces nothing: the worker finds the job at its next poll."""

    async def announce(self, jobs: Sequence[Job]) -> None:
        """Do nothing."""

    async def wake(self, queues: Collection[WorkQueue]) -> None:
        """Do nothing."""
