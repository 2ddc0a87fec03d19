"""Telling workers that there is work. Losing a message costs time, never a job."""

from typing import Protocol

from rag_service.domain.ids import JobId


class JobQueue(Protocol):
    """Says "look at job 17" to the workers, after the transaction that wrote the job."""

    async def announce(self, job_id: JobId) -> None:
        """Tell a worker about a job. Never raises: a lost announcement is found by the sweep."""
