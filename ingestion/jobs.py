"""Working off the job table: claim, run under a lease, record how it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from ingestion.leases import Leases
from ingestion.pipeline import is_held, revisions_of, subject_of
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import DraftId, JobId
from rag_service.domain.jobs import Job, JobKind, JobState, backoff, new_job
from rag_service.errors import CatalogUnavailable, DocumentRejected, LeaseLost, NotFound, RagError
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ReasonCode
from rag_service.settings import JobSettings

BATCH_JOBS = 128
BATCH_BYTES = 4 * 2**20
"""Small revisions are prepared together up to this many and this much; a larger one is prepared alone."""

# A file that kills its parser may do so because the machine was short of something: it gets all attempts.
_WORTH_ANOTHER_TRY = frozenset(
    {ReasonCode.PARSER_CRASHED, ReasonCode.PARSER_TIMEOUT, ReasonCode.PARSER_OUT_OF_MEMORY, ReasonCode.INTERNAL}
)
_STOPPED = "the worker stopped"
_OPEN = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.FAILED})

Prepare = Callable[[Sequence[Job]], Awaitable[Mapping[JobId, DocumentRejected]]]
Seal = Callable[[AccessScope, DraftId], Awaitable[Any]]

_log = structlog.get_logger()


class JobRunner:
    """Runs jobs of this worker, one batch after another; several runners may work off one table."""

    def __init__(
        self, *, catalog: Catalog, prepare: Prepare, seal: Seal, clock: Callable[[], datetime], settings: JobSettings
    ) -> None:
        self._catalog = catalog
        self._prepare = prepare
        self._seal = seal
        self._clock = clock
        self._settings = settings
        self._leases = Leases(catalog=catalog, clock=clock, lease_s=settings.lease_s)

    async def run_next(self) -> int:
        """Run what is due next, and return how many jobs that were: 0 when nothing is due.

        When it is cancelled, the jobs go back at once and may be claimed by another worker.
        """
        # Sealing first: it makes visible what many small uploads are waiting for.
        sealing = await self._claim(JobKind.SEAL_DRAFT)
        if sealing:
            return await self._run([sealing], self._run_seal(sealing))
        preparing = await self._claim_revisions()
        return await self._run(preparing, self._run_prepare(preparing)) if preparing else 0

    async def enqueue_due_seals(self) -> int:
        """Add a job for each draft that should seal now and has none; return how many were added."""
        added = 0
        patience = timedelta(seconds=self._settings.draft_patience_s)
        async with self._catalog.reading() as tx:
            due = await tx.versions.due_drafts(self._clock(), patience=patience)
        for draft in due:
            scope = system_scope(draft.tenant_id)
            async with self._catalog.writing() as tx:
                known = await tx.jobs.of_subject(scope, draft.id)
                if not any(job.state in _OPEN for job in known):
                    await tx.jobs.add(new_job(draft.tenant_id, JobKind.SEAL_DRAFT, draft.id, now=self._clock()))
                    added += 1
        return added

    async def _claim(self, kind: JobKind) -> Job | None:
        async with self._catalog.writing() as tx:
            claimed = await self._claim_due(tx, await self._due(tx, kind, limit=1))
        return claimed[0] if claimed else None

    async def _claim_revisions(self) -> list[Job]:
        """Claim small revisions to be prepared together, or a large one or a suspicious one alone."""
        async with self._catalog.writing() as tx:
            due = await self._due(tx, JobKind.PREPARE_REVISION, limit=BATCH_JOBS)
            revisions = await revisions_of(tx, due)
            # A job whose revision is gone runs alone, so that its failure is its own.
            sizes = {job_id: revision.size_bytes for job_id, revision in revisions.items()}
            return await self._claim_due(tx, due[: _fitting(due, sizes)])

    async def _due(self, tx: Transaction, kind: JobKind, *, limit: int) -> list[Job]:
        due = await tx.jobs.due([kind], now=self._clock(), limit=limit)
        exhausted = [job for job in due if job.attempts >= self._settings.max_attempts and job.detail != _STOPPED]
        for job in await self._claim_due(tx, exhausted):
            # Every attempt ended with the worker itself: no further worker is risked.
            await self._fail(tx, job, ReasonCode.PARSER_CRASHED, "the worker did not survive it")
        return [job for job in due if job not in exhausted]

    async def _claim_due(self, tx: Transaction, due: Sequence[Job]) -> list[Job]:
        if not due:
            return []
        return await tx.jobs.claim(due, now=self._clock(), lease=timedelta(seconds=self._settings.lease_s))

    async def _run(self, jobs: Sequence[Job], work: Awaitable[None]) -> int:
        try:
            await self._leases.hold(jobs, work)
        except asyncio.CancelledError:
            await asyncio.shield(self._release(jobs))
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
        return sum([await self._run([job], self._run_prepare([job])) for job in jobs])

    async def _run_seal(self, job: Job) -> None:
        await self._seal(system_scope(job.tenant_id), DraftId(job.subject))
        async with self._catalog.writing() as tx:
            await tx.jobs.succeed([job])

    async def _run_prepare(self, jobs: Sequence[Job]) -> None:
        rejected = await self._prepare(jobs)
        for job in jobs:
            if job.id in rejected:
                await self._record(job, rejected[job.id])

    async def _record(self, job: Job, error: Exception) -> None:
        reason, detail = _reason_of(error)
        retry = reason in _WORTH_ANOTHER_TRY and not isinstance(error, NotFound)
        log = _log.bind(job_id=job.id, kind=job.kind, subject=job.subject, attempt=job.attempts)
        if reason is ReasonCode.INTERNAL:
            log.error("job_failed", reason=reason, exc_info=error)
        else:
            log.info("job_failed", reason=reason, detail=detail)
        again = retry and job.attempts < self._settings.max_attempts
        try:
            async with self._catalog.writing() as tx:
                if not await is_held(tx, job):
                    return
                if again:
                    retry_at = self._clock() + backoff(job.attempts)
                    await tx.jobs.fail(job.id, job.fence, reason=reason, detail=detail, retry_at=retry_at)
                else:
                    await self._fail(tx, job, reason, detail)
        except CatalogUnavailable:
            log.warning("failure_not_recorded")  # the lease runs out, and the job is claimed again

    async def _fail(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        await tx.jobs.fail(job.id, job.fence, reason=reason, detail=detail, retry_at=None)
        if job.kind is not JobKind.PREPARE_REVISION:
            return
        try:
            document_id, number = subject_of(job)
            scope = system_scope(job.tenant_id)
            await tx.documents.mark_failed(scope, document_id, number, reason=reason, detail=detail)
        except NotFound:
            _log.info("failed_revision_is_gone", job_id=job.id)

    async def _release(self, jobs: Sequence[Job]) -> None:
        now = self._clock()
        try:
            async with self._catalog.writing() as tx:
                for job in jobs:
                    if await is_held(tx, job):
                        await tx.jobs.fail(job.id, job.fence, reason=ReasonCode.INTERNAL, detail=_STOPPED, retry_at=now)
        except CatalogUnavailable:
            _log.warning("jobs_not_released", jobs=len(jobs))


def _fitting(due: Sequence[Job], sizes: Mapping[JobId, int]) -> int:
    """Return how many of `due`, from the first on, are prepared together."""
    left = BATCH_BYTES
    for place, job in enumerate(due):
        size = sizes.get(job.id, BATCH_BYTES)
        suspicious = job.attempts > 0 and job.detail != _STOPPED
        if suspicious or size > BATCH_BYTES // 4 or size > left:
            return max(place, 1)
        left -= size
    return len(due)


def _reason_of(error: Exception) -> tuple[ReasonCode, str]:
    if isinstance(error, DocumentRejected):
        return error.reason, error.detail
    # The message of our own errors holds no text of documents; others' may.
    return ReasonCode.INTERNAL, str(error) if isinstance(error, RagError) else type(error).__name__
