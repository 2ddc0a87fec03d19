"""The job table."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import (
    JobId,
)
from rag_service.domain.jobs import Job, JobKind
from rag_service.reasons import ReasonCode


class Jobs(Protocol):
    """The job table. Worker calls take no scope: a worker serves every tenant, and acts within the job's."""

    async def add(self, job: Job) -> None:
        """Add a job, in the transaction that creates its cause."""

    async def due(self, kinds: Sequence[JobKind], *, now: datetime, limit: int) -> list[Job]:
        """Return the oldest jobs that are due: queued, failed and past their pause, or running with their lease run out.

        Nobody else gets them before the transaction ends.
        """

    async def claim(self, due: Sequence[Job], *, now: datetime, lease: timedelta) -> list[Job]:
        """Take jobs that `due` returned in this transaction, and return them as they are now, in order.

        They become running with one more attempt, a fence one higher and a new lease.
        """

    async def extend(self, held: Sequence[Job], *, now: datetime, lease: timedelta) -> frozenset[JobId]:
        """Renew the leases of those jobs whose fence is the newest, and return their ids."""

    async def progress(self, job_id: JobId, fence: int, *, stage: str, done: int, total: int | None) -> None:
        """Note how far a job is, or raise LeaseLost."""

    async def assert_held(self, job_id: JobId, fence: int) -> None:
        """Raise LeaseLost unless this fence is the newest: call it in the transaction that writes results."""

    async def succeed(self, held: Sequence[Job]) -> frozenset[JobId]:
        """Close those jobs whose fence is the newest, and return their ids: results of others must not be written."""

    async def fail(
        self, job_id: JobId, fence: int, *, reason: ReasonCode, detail: str, retry_at: datetime | None
    ) -> Job:
        """Note a failure: failed until `retry_at`, or dead when that is None. Raises LeaseLost."""

    async def get(self, scope: AccessScope, job_id: JobId) -> Job:
        """Return a job of the tenant, or raise NotFound."""

    async def of_subject(self, scope: AccessScope, subject: str) -> list[Job]:
        """Return the jobs about a subject, newest first."""
