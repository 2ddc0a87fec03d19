"""Which jobs come next: by priority, then between the tenants in turn, then in the order of their numbers."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.job_rows import JOB, job_of
from rag_service.catalog.tables import OPEN_JOBS, jobs, tenants
from rag_service.domain.ids import JobId, TenantId
from rag_service.domain.jobs import MAX_BACKOFF, Heartbeat, Job, JobKind, JobState, Priority

_PAUSING = (JobState.QUEUED, JobState.FAILED, JobState.WAITING)


async def due_jobs(
    connection: AsyncConnection,
    kinds: Collection[JobKind],
    *,
    priorities: Collection[Priority],
    now: datetime,
    silent: Sequence[Heartbeat],
    passed_over: Collection[JobId],
    limit: int,
) -> list[Job]:
    """Return the jobs that come next, all of one tenant and one priority, locked until the transaction ends."""
    for priority in sorted(priorities):
        due = sa.and_(OPEN_JOBS, jobs.c.kind.in_(kinds), jobs.c.priority == priority, _is_due(now, silent))
        if passed_over:
            due = sa.and_(due, jobs.c.id.not_in(passed_over))
        tenant_id = await _next_tenant(connection, due)
        if tenant_id is None:
            continue
        # The tenant first: who adds a job locks the tenant, too, and then looks at its jobs.
        await _lock(connection, tenant_id)
        found = sa.select(*JOB).where(due, jobs.c.tenant_id == tenant_id).order_by(_in_order(kinds)).limit(limit)
        rows = (await connection.execute(found.with_for_update(skip_locked=True))).all()
        if rows:
            return [job_of(row) for row in rows]
    return []


async def any_due(
    connection: AsyncConnection, kinds: Collection[JobKind], *, now: datetime, silent: Sequence[Heartbeat]
) -> bool:
    """Say whether a job of one of the kinds is due."""
    found = sa.select(sa.exists().where(OPEN_JOBS, jobs.c.kind.in_(kinds), _is_due(now, silent)))
    return bool((await connection.execute(found)).scalar_one())


async def due_kinds(connection: AsyncConnection, *, now: datetime, silent: Sequence[Heartbeat]) -> frozenset[JobKind]:
    """Return the kinds of the jobs that are due."""
    found = sa.select(jobs.c.kind).where(OPEN_JOBS, _is_due(now, silent)).distinct()
    return frozenset(JobKind(kind) for kind in (await connection.execute(found)).scalars())


async def serve(connection: AsyncConnection, tenant_ids: Collection[TenantId]) -> None:
    """Note that it was these tenants' turn."""
    others = tenants.alias()
    latest = sa.select(sa.func.max(others.c.served)).scalar_subquery()
    await connection.execute(tenants.update().where(tenants.c.id.in_(tenant_ids)).values(served=latest + 1))


def is_left_alone(
    *, now: datetime, served_kinds: Collection[JobKind], starved_after: timedelta
) -> sa.ColumnElement[bool]:
    """Jobs that somebody should take and nobody does: no worker is there for their kind, or they are due for long."""
    left = sa.or_(jobs.c.kind.not_in(served_kinds), jobs.c.not_before < now - starved_after)
    return sa.and_(jobs.c.state.in_([JobState.QUEUED, JobState.FAILED]), left)


def _is_due(now: datetime, silent: Sequence[Heartbeat]) -> sa.ColumnElement[bool]:
    paused = sa.and_(
        jobs.c.state.in_(_PAUSING), sa.or_(jobs.c.not_before <= now, jobs.c.not_before > now + MAX_BACKOFF)
    )
    given_up: sa.ColumnElement[bool] = jobs.c.lease_until <= now
    if silent:
        beats = [(beat.job_id, beat.fence, beat.count) for beat in silent]
        given_up = sa.or_(given_up, sa.tuple_(jobs.c.id, jobs.c.fence, jobs.c.heartbeat).in_(beats))
    return sa.or_(paused, sa.and_(jobs.c.state == JobState.RUNNING, given_up))


async def _next_tenant(connection: AsyncConnection, due: sa.ColumnElement[bool]) -> TenantId | None:
    has_some = sa.exists().where(due, jobs.c.tenant_id == tenants.c.id)
    longest_ago = sa.select(tenants.c.id).where(has_some).order_by(tenants.c.served, tenants.c.id).limit(1)
    found = (await connection.execute(longest_ago)).scalar_one_or_none()
    return None if found is None else TenantId(found)


def _in_order(kinds: Collection[JobKind]) -> sa.ColumnElement[int]:
    # For several kinds SQLite would walk through all jobs that the tenant ever had, because these are in order.
    return jobs.c.sequence if len(kinds) == 1 else jobs.c.sequence + 0


async def _lock(connection: AsyncConnection, tenant_id: TenantId) -> None:
    # As an update of it would, which lets others add rows that name the tenant.
    locked = sa.select(tenants.c.id).where(tenants.c.id == tenant_id).with_for_update(key_share=True)
    await connection.execute(locked)
