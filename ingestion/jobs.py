"""Working off the job table: claim, run under a lease, record how it ended."""

import random
import time
from asyncio import CancelledError, shield
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from ingestion.handlers import Handler
from ingestion.heartbeats import Heartbeats
from ingestion.lanes import EVERYTHING, Lane, Queue
from ingestion.leases import Leases, is_held
from ingestion.outages import AFTER_OUTAGE_S
from rag_service.domain.access import system_scope
from rag_service.domain.drafts import Draft
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import MAX_BACKOFF, Heartbeat, Job, JobKind, JobState, backoff, draft_job
from rag_service.errors import (
    CatalogUnavailable,
    DependencyUnavailable,
    DocumentRejected,
    LeaseLost,
    LimitExceeded,
    RagError,
    SlotTaken,
)
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ReasonCode
from rag_service.settings import JobSettings

LOOK_AGAIN_S = 1.0
"""A job that waits for something is looked at again no sooner."""

_SILENT_LEASES = 2

_LOOKS = 16
"""How often a lane looks on when all that is due is left to another lane."""

OnClaimed = Callable[[Sequence[Job]], Awaitable[None]]

_log = structlog.get_logger()


class JobRunner:
    """Runs jobs of this worker; several loops and several workers may work off one table."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        handlers: Mapping[JobKind, Handler],
        clock: Callable[[], datetime],
        settings: JobSettings,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._catalog = catalog
        self._handlers = handlers
        self._clock = clock
        self._settings = settings
        self._monotonic = monotonic
        self._jitter = jitter
        self._lease = timedelta(seconds=settings.lease_s)
        self._leases = Leases(catalog=catalog, clock=clock, lease_s=settings.lease_s)
        self._heartbeats = Heartbeats(monotonic=monotonic, patience_s=_SILENT_LEASES * settings.lease_s)
        self._silent: list[Heartbeat] = []
        self._listened_at = float("-inf")
        self._running = frozenset[JobId]()

    async def run_next(self, lane: Lane = EVERYTHING, *, on_claimed: OnClaimed | None = None) -> int:
        """Run what is due next in a lane, and return how many jobs that were: 0 when nothing is due.

        `on_claimed` hears of the jobs before they run. When it is cancelled, the jobs go back at once and may be claimed
        by another worker.
        """
        await self._listen()
        # Most of the time nothing is: found out without the lock that people who write would wait for.
        if not await self._is_any_due(lane):
            return 0
        for queue in lane.queues:
            claimed = await self._claim(queue)
            if claimed:
                if on_claimed is not None:
                    await on_claimed(claimed)
                return await self._run(claimed)
        return 0

    async def due_kinds(self) -> frozenset[JobKind]:
        """Return the kinds of which some job is due, whoever works these off."""
        await self._listen()
        async with self._catalog.reading() as tx:
            return await tx.jobs.due_kinds(now=self._clock(), silent=self._silent)

    async def enqueue_due_seals(self) -> int:
        """Add a job for each draft that should seal now and has none; return how many were added."""
        now = self._clock()
        async with self._catalog.reading() as tx:
            due = await tx.drafts.due(now, patience=timedelta(seconds=self._settings.draft_patience_s))
            due = [draft for draft in due if not await _was_given_up(tx, draft, now)]
        return sum([await self._enqueue_seal(draft, now) for draft in due])

    async def _enqueue_seal(self, draft: Draft, now: datetime) -> bool:
        job = draft_job(draft, JobKind.SEAL_DRAFT, now=now)
        async with self._catalog.writing() as tx:
            return (await tx.jobs.add(job)).id == job.id

    async def _listen(self) -> None:
        """Find out now and then which running jobs have lost their worker."""
        if self._monotonic() - self._listened_at < self._settings.lease_s / 3:
            return
        self._listened_at = self._monotonic()
        async with self._catalog.reading() as tx:
            self._silent = self._heartbeats.silent(await tx.jobs.heartbeats())

    async def _is_any_due(self, lane: Lane) -> bool:
        async with self._catalog.reading() as tx:
            return await tx.jobs.any_due(lane.kinds, now=self._clock(), silent=self._silent)

    async def _claim(self, queue: Queue) -> list[Job]:
        passed_over: frozenset[JobId] = frozenset()
        for _ in range(_LOOKS):
            # Each in a transaction of its own: nobody waits for jobs that are left to others.
            async with self._catalog.writing() as tx:
                due = await self._due(tx, queue, passed_over)
                if not due:
                    return []
                alike = [job for job in due if job.kind is due[0].kind]
                chosen = await self._handlers[due[0].kind].choose(tx, alike, queue)
                if chosen:
                    return await self._claim_due(tx, chosen)
            passed_over |= {job.id for job in alike}
        return []

    async def _due(self, tx: Transaction, queue: Queue, passed_over: frozenset[JobId]) -> list[Job]:
        due = await tx.jobs.due(
            queue.kinds,
            now=self._clock(),
            limit=max(self._handlers[kind].limit for kind in queue.kinds),
            priorities=queue.priorities,
            silent=self._silent,
            # What runs in this process has no worker that is gone, though its lease may seem over when the clock jumps.
            passed_over=self._running | passed_over,
        )
        exhausted = [job for job in due if job.attempts >= self._settings.max_attempts]
        for job in await self._claim_due(tx, exhausted):
            # Every attempt ended with the worker itself: no further worker is risked.
            is_file = job.kind is JobKind.PREPARE_REVISION
            reason = ReasonCode.PARSER_CRASHED if is_file else ReasonCode.INTERNAL
            await self._bury(tx, job, reason, "the worker did not survive it")
        return [job for job in due if job not in exhausted]

    async def _claim_due(self, tx: Transaction, due: Sequence[Job]) -> list[Job]:
        return await tx.jobs.claim(due, now=self._clock(), lease=self._lease) if due else []

    async def _run(self, jobs: Sequence[Job]) -> int:
        ids = {job.id for job in jobs}
        self._running |= ids
        try:
            return await self._run_held(jobs)
        finally:
            self._running -= ids

    async def _run_held(self, jobs: Sequence[Job]) -> int:
        try:
            await self._leases.hold(jobs, self._work_off(jobs))
        except CancelledError:
            await shield(self._release(jobs))
            raise
        except LeaseLost:
            _log.warning("jobs_lost", jobs=len(jobs))
        except Exception as exc:  # noqa: BLE001  (the worker's edge: the unknown counts as transient)
            if len(jobs) > 1:
                return await self._run_singly(jobs)
            await self._record(jobs[0], exc)
        return len(jobs)

    async def _run_singly(self, jobs: Sequence[Job]) -> int:
        # One of them spoils the batch; alone it fails alone.
        return sum([await self._run_held([job]) for job in jobs])

    async def _work_off(self, jobs: Sequence[Job]) -> None:
        failed = await self._handlers[jobs[0].kind].run(jobs)
        for job in jobs:
            if job.id in failed:
                await self._record(job, failed[job.id])

    async def _record(self, job: Job, error: Exception) -> None:
        try:
            async with self._catalog.writing() as tx:
                if await is_held(tx, job):
                    await self._note_end(tx, job, error)
        except CatalogUnavailable:
            # The lease runs out, and the job is claimed again.
            _log.warning("failure_not_recorded", job_id=job.id)

    async def _note_end(self, tx: Transaction, job: Job, error: Exception) -> None:
        now = self._clock()
        # An outage uses up no attempt, however long it takes: what waits for it goes on by itself.
        if isinstance(error, SlotTaken | DependencyUnavailable | LimitExceeded):
            least_s = _least_pause_s(error)
            pause = timedelta(seconds=max(self._settings.poll_s, least_s))
            await tx.jobs.wait(job.id, job.fence, look_at=now + pause, detail=_detail_of(error))
            return
        reason, worth_a_try = self._handlers[job.kind].reason_of(error)
        detail = _detail_of(error)
        _log_failure(job, reason, detail, error)
        if worth_a_try and job.attempts < self._settings.max_attempts:
            retry_at = now + backoff(job.attempts, jitter=self._jitter())
            await tx.jobs.fail(job.id, job.fence, reason=reason, detail=detail, retry_at=retry_at, now=now)
        else:
            await self._bury(tx, job, reason, detail)

    async def _bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        await tx.jobs.fail(job.id, job.fence, reason=reason, detail=detail, retry_at=None, now=self._clock())
        await self._handlers[job.kind].bury(tx, job, reason, detail)

    async def _release(self, jobs: Sequence[Job]) -> None:
        try:
            async with self._catalog.writing() as tx:
                await tx.jobs.release(jobs, now=self._clock())
        except CatalogUnavailable:
            _log.warning("jobs_not_released", jobs=len(jobs))


async def _was_given_up(tx: Transaction, draft: Draft, now: datetime) -> bool:
    """Say whether its last seal failed for good, or was stopped, so lately that another one would end like it."""
    jobs = await tx.jobs.of_subject(system_scope(draft.tenant_id), draft.id)
    ends = [job.finished_at for job in jobs if job.state in {JobState.DEAD, JobState.CANCELLED} and job.finished_at]
    return any(timedelta(0) <= now - end < MAX_BACKOFF for end in ends)


def _least_pause_s(error: SlotTaken | DependencyUnavailable | LimitExceeded) -> float:
    if isinstance(error, LimitExceeded):
        return error.retry_after_s
    return LOOK_AGAIN_S if isinstance(error, SlotTaken) else AFTER_OUTAGE_S


def _log_failure(job: Job, reason: ReasonCode, detail: str, error: Exception) -> None:
    log = _log.bind(job_id=job.id, kind=job.kind, subject=job.subject, attempt=job.attempts, reason=reason)
    if reason is ReasonCode.INTERNAL:
        log.error("job_failed", exc_info=error)
    else:
        log.info("job_failed", detail=detail)


def _detail_of(error: Exception) -> str:
    if isinstance(error, DocumentRejected):
        return error.detail
    # The message of our own errors holds no text of documents; others' may.
    return str(error) if isinstance(error, RagError) else type(error).__name__
