"""The job table: the truth about background work."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.rows import columns_of
from rag_service.catalog.tables import OPEN_JOBS, jobs
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Job, JobKind, JobState, Priority
from rag_service.errors import LeaseLost, NotFound
from rag_service.reasons import ReasonCode


class SqlJobs:
    """Implements `ports.catalog.Jobs`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, job: Job) -> None:
        await self._connection.execute(jobs.insert().values(asdict(job)))

    async def due(self, kinds: Sequence[JobKind], *, now: datetime, limit: int) -> list[Job]:
        return [_job_of(row) for row in await self._connection.execute(_oldest_due(kinds, now).limit(limit))]

    async def claim(self, due: Sequence[Job], *, now: datetime, lease: timedelta) -> list[Job]:
        taken: dict[JobId, Job] = {}
        for batch in batches(due):
            changed = (
                jobs.update()
                .where(jobs.c.id.in_([job.id for job in batch]))
                .values(
                    state=JobState.RUNNING,
                    attempts=jobs.c.attempts + 1,
                    fence=jobs.c.fence + 1,
                    lease_until=now + lease,
                    stage=None,
                    done=0,
                    total=None,
                )
            )
            taken |= {row.id: _job_of(row) for row in await self._connection.execute(changed.returning(jobs))}
        return [taken[job.id] for job in due]

    async def extend(self, held: Sequence[Job], *, now: datetime, lease: timedelta) -> frozenset[JobId]:
        return await self._change_held(held, lease_until=now + lease)

    async def progress(self, job_id: JobId, fence: int, *, stage: str, done: int, total: int | None) -> None:
        await self._change(job_id, fence, stage=stage, done=done, total=total)

    async def assert_held(self, job_id: JobId, fence: int) -> None:
        # The lock keeps others from claiming the job between this check and the commit.
        held = sa.select(jobs.c.id).where(_held(job_id, fence)).with_for_update()
        if (await self._connection.execute(held)).first() is None:
            raise _lost(job_id)

    async def succeed(self, held: Sequence[Job]) -> frozenset[JobId]:
        return await self._change_held(held, state=JobState.SUCCEEDED, reason=None, detail=None, lease_until=None)

    async def fail(
        self, job_id: JobId, fence: int, *, reason: ReasonCode, detail: str, retry_at: datetime | None
    ) -> Job:
        pause = {} if retry_at is None else {"not_before": retry_at}
        state = JobState.DEAD if retry_at is None else JobState.FAILED
        return await self._change(
            job_id, fence, state=state, reason=reason.value, detail=detail, lease_until=None, **pause
        )

    async def get(self, scope: AccessScope, job_id: JobId) -> Job:
        one = jobs.select().where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id == job_id)
        row = (await self._connection.execute(one)).first()
        if row is None:
            raise NotFound("job", job_id)
        return _job_of(row)

    async def of_subject(self, scope: AccessScope, subject: str) -> list[Job]:
        about = jobs.select().where(jobs.c.tenant_id == scope.tenant_id, jobs.c.subject == subject)
        newest_first = about.order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
        return [_job_of(row) for row in await self._connection.execute(newest_first)]

    async def _change_held(self, held: Sequence[Job], **values: Any) -> frozenset[JobId]:
        changed: set[JobId] = set()
        for batch in batches(held):
            fences = sa.tuple_(jobs.c.id, jobs.c.fence).in_([(job.id, job.fence) for job in batch])
            # The ids are named once more alone: SQLite uses no index for pairs.
            mine = sa.and_(jobs.c.id.in_([job.id for job in batch]), fences, jobs.c.state == JobState.RUNNING)
            returned = jobs.update().where(mine).values(values).returning(jobs.c.id)
            changed |= set((await self._connection.execute(returned)).scalars())
        return frozenset(changed)

    async def _change(self, job_id: JobId, fence: int, **values: Any) -> Job:
        changed = jobs.update().where(_held(job_id, fence)).values(values).returning(jobs)
        row = (await self._connection.execute(changed)).first()
        if row is None:
            raise _lost(job_id)
        return _job_of(row)


def _oldest_due(kinds: Sequence[JobKind], now: datetime) -> sa.Select[Any]:
    waited = sa.and_(jobs.c.state.in_([JobState.QUEUED, JobState.FAILED]), jobs.c.not_before <= now)
    abandoned = sa.and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until <= now)
    return (
        jobs.select()
        .where(OPEN_JOBS, jobs.c.kind.in_(kinds), sa.or_(waited, abandoned))
        .order_by(jobs.c.created_at, jobs.c.id)
        .with_for_update(skip_locked=True)
    )


def _held(job_id: JobId, fence: int) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.id == job_id, jobs.c.fence == fence, jobs.c.state == JobState.RUNNING)


def _lost(job_id: JobId) -> LeaseLost:
    return LeaseLost(f"Job {job_id} is no longer held by this worker.")


def _job_of(row: sa.Row[Any]) -> Job:
    values = columns_of(row)  # the columns are the fields
    values["kind"] = JobKind(row.kind)
    values["state"] = JobState(row.state)
    values["priority"] = Priority(row.priority)
    values["reason"] = None if row.reason is None else ReasonCode(row.reason)
    return Job(**values)
