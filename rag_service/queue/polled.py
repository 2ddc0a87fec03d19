"""The queue of the embedded service: workers poll the job table, so there is nothing to say."""

from rag_service.domain.ids import JobId


class PolledQueue:
    """Announces nothing: the worker finds the job at its next poll."""

    async def announce(self, job_id: JobId) -> None:
        """Do nothing."""
