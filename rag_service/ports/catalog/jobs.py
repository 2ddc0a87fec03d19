"""The job table, and who works on it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, JobId, TenantId, WorkerId
from rag_service.domain.jobs import Backlog, Heartbeat, Job, JobKind, JobState, Priority, Worker
from rag_service.domain.pages import Page, PageRequest
from rag_service.reasons import ReasonCode


class Jobs(Protocol):
    """The job table. Worker calls take no scope: a worker serves every tenant, and acts within the job's.

    Calls with a scope see the jobs of its tenant; a scope narrowed to some corpora sees the jobs of these only.
    """

    async def add(self, job: Job) -> Job:
        """Add a job, in the transaction that creates its cause, and return it with its place in the sequence.

        The open job of the same kind and subject is returned instead when there is one.
        """

    async def due(
        self,
        kinds: Collection[JobKind],
        *,
        now: datetime,
        limit: int,
        priorities: Collection[Priority] = tuple(Priority),
        silent: Sequence[Heartbeat] = (),
        passed_over: Collection[JobId] = (),
    ) -> list[Job]:
        """Return jobs of one tenant and one priority that are due, in the order of their sequence.

        The lowest priority comes first, then the tenant whose jobs were taken longest ago. Due is what is queued,
        failed or waiting and past its pause, or put off for longer than any pause; and what is running and its lease
        ran out, or its heartbeat is one of `silent`; never one of `passed_over`. Nobody else gets them before the
        transaction ends.
        """

    async def any_due(self, kinds: Collection[JobKind], *, now: datetime, silent: Sequence[Heartbeat] = ()) -> bool:
        """Say whether `due` would return a job of one of the kinds, without locking anything."""

    async def due_kinds(self, *, now: datetime, silent: Sequence[Heartbeat] = ()) -> frozenset[JobKind]:
        """Return the kinds of which some tenant has a job that `due` would return, without taking any."""

    async def claim(self, due: Sequence[Job], *, now: datetime, lease: timedelta) -> list[Job]:
        """Take jobs that `due` returned in this transaction, and return them as they are now, in order.

        They become running with one more attempt, a fence one higher and a new lease. It was their tenant's turn.
        """

    async def extend(self, held: Sequence[Job], *, now: datetime, lease: timedelta) -> frozenset[JobId]:
        """Renew the leases of those jobs whose fence is the newest, and return their ids."""

    async def heartbeats(self) -> list[Heartbeat]:
        """Return the running jobs with the number of times that their leases were renewed."""

    async def progress(
        self, job_id: JobId, fence: int, *, stage: str, done: int, total: int | None, now: datetime
    ) -> None:
        """Note how far a job is, or raise LeaseLost."""

    async def assert_held(self, job_id: JobId, fence: int) -> None:
        """Raise LeaseLost unless this fence is the newest: call it in the transaction that writes results."""

    async def succeed(self, held: Sequence[Job], *, now: datetime) -> frozenset[JobId]:
        """Close those jobs whose fence is the newest, and return their ids: results of others must not be written."""

    async def fail(
        self, job_id: JobId, fence: int, *, reason: ReasonCode, detail: str, retry_at: datetime | None, now: datetime
    ) -> Job:
        """Note a failure: failed until `retry_at`, or dead when that is None. Raises LeaseLost."""

    async def wait(self, job_id: JobId, fence: int, *, look_at: datetime, detail: str) -> Job:
        """Put a job off until `look_at`; `detail` says what it waits for, and the attempt is not counted.

        Raises:
            LeaseLost: another worker has the job.
        """

    async def release(self, held: Sequence[Job], *, now: datetime) -> None:
        """Give jobs back whose worker stops, to be claimed at once; the attempt is not counted. Lost ones are left."""

    async def spread(self, held: Job, parts: Sequence[Job], *, stage: str, total: int, now: datetime) -> None:
        """Add the parts that run in place of a job. It is running without a lease until the last of them has ended.

        Only workers' calls meet parts. A part that is dead ends the whole, which is dead for the same reason; why one
        waits or has failed is told in the whole, too.

        Raises:
            LeaseLost: another worker has the job.
        """

    async def finish_part(self, held: Job, *, done: int, now: datetime) -> Job | None:
        """Remove a part that is done and count it in the whole; return that one when it has succeeded with this.

        Raises:
            LeaseLost: another worker has the part, or the whole has ended.
        """

    async def get(self, scope: AccessScope, job_id: JobId) -> Job:
        """Return a job, or raise NotFound."""

    async def of_subject(self, scope: AccessScope, subject: str) -> list[Job]:
        """Return the jobs about a subject, newest first."""

    async def list(
        self,
        scope: AccessScope,
        page: PageRequest,
        *,
        states: Collection[JobState] | None = None,
        kind: JobKind | None = None,
        corpus_id: CorpusId | None = None,
    ) -> Page[Job]:
        """Return the jobs in the order in which they were added, all of them or those that fit."""

    async def counts(self, scope: AccessScope) -> Mapping[JobState, int]:
        """Return how many jobs are in each state."""

    async def waiting_bytes(self, scope: AccessScope) -> int:
        """Return the size of the files that open jobs in scope are about."""

    async def backlog(self, tenant_id: TenantId) -> Backlog:
        """Return the size of the files that open jobs are about, of a tenant and of all."""

    async def starved(
        self, scope: AccessScope, *, now: datetime, served_kinds: Collection[JobKind], starved_after: timedelta
    ) -> int:
        """Return how many jobs `domain.jobs.seen` shows as starved."""

    async def cancel(self, scope: AccessScope, job_id: JobId, *, now: datetime) -> Job:
        """Stop a job for good, and return it. Its worker loses it; one that is cancelled already is returned as it is.

        The revision that was to be prepared fails, and its change leaves its draft. A draft that was being sealed is
        unsealed by a job of its own. The run of a source ends, and its draft is discarded.

        Raises:
            NotFound: no such job.
            Conflict: the job is over.
        """

    async def retry(self, scope: AccessScope, job_id: JobId, *, now: datetime) -> Job:
        """Put a failed, dead or cancelled job back into the queue with no attempts, and return it.

        The revision that is to be prepared is pending again, and its change is back in its draft.

        Raises:
            NotFound: no such job.
            Conflict: it is in another state, another job does the same, or the document has a newer revision.
        """

    async def purge(self, scope: AccessScope, *, states: Collection[JobState], before: datetime) -> int:
        """Remove jobs that were over before `before`, and return how many.

        Raises:
            InvalidRequest: one of `states` is not that of a job that is over.
        """


class Workers(Protocol):
    """The processes that work off jobs, as they said themselves."""

    async def announce(self, worker: Worker) -> None:
        """Note that a worker is there, and forget those not seen for an hour."""

    async def withdraw(self, worker_id: WorkerId) -> None:
        """Note that a worker is there no longer. Safe to repeat."""

    async def list(self, *, since: datetime) -> list[Worker]:
        """Return the workers that were seen since then, by id."""

    async def served_kinds(self, *, since: datetime) -> frozenset[JobKind]:
        """Return the kinds that the workers seen since then work off."""
