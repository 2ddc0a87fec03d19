"""Rows of the job table: read them, add them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.rows import columns_of
from rag_service.catalog.tables import OPEN_JOBS, jobs, tenants
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, JobState, Priority
from rag_service.errors import NotFound
from rag_service.reasons import ReasonCode

JOB = tuple(column for column in jobs.c if column is not jobs.c.draft_id)
"""The columns that are the fields of a job."""


def allowed_jobs(scope: AccessScope) -> sa.ColumnElement[bool]:
    """Jobs of the scope's tenant, and of its corpora when it is narrowed to some; those of no corpus are for admins.

    Parts of jobs are nobody's: people see the whole.
    """
    mine = sa.and_(jobs.c.tenant_id == scope.tenant_id, jobs.c.whole_id.is_(None))
    if scope.corpora is not None:
        return sa.and_(mine, jobs.c.corpus_id.in_(scope.corpora))
    return mine if scope.may(Permission.ADMIN) else sa.and_(mine, jobs.c.corpus_id.is_not(None))


def job_of(row: sa.Row[Any]) -> Job:
    """Return the job in a row of JOB columns."""
    values = columns_of(row)
    values["kind"] = JobKind(row.kind)
    values["state"] = JobState(row.state)
    values["priority"] = Priority(row.priority)
    values["reason"] = None if row.reason is None else ReasonCode(row.reason)
    return Job(**values)


async def add_job(connection: AsyncConnection, job: Job) -> Job:
    """Add a job and return it with its number, or the open one of the same kind and subject."""
    known = await open_job(connection, job.tenant_id, job.kind, job.subject)
    if known is not None:
        return known
    await add_jobs(connection, [job])
    # When another transaction added one at the same time, that one is found now, or it is over already.
    added = await open_job(connection, job.tenant_id, job.kind, job.subject)
    return added if added is not None else await add_job(connection, job)


async def add_jobs(connection: AsyncConnection, new: Sequence[Job]) -> None:
    """Add jobs of one tenant under the next numbers of its sequence; those that are open already are left out."""
    if not new:
        return
    before = await _take_numbers(connection, new[0].tenant_id, len(new))
    rows = [asdict(replace(job, sequence=before + place)) for place, job in enumerate(new, 1)]
    added = insert_into(connection, jobs).on_conflict_do_nothing(
        index_elements=[jobs.c.kind, jobs.c.subject], index_where=OPEN_JOBS
    )
    await connection.execute(added, rows)


async def open_job(connection: AsyncConnection, tenant_id: TenantId, kind: JobKind, subject: str) -> Job | None:
    """Return the job that still does this, if there is one; it cannot end before the transaction does."""
    one = sa.select(*JOB).where(
        OPEN_JOBS, jobs.c.kind == kind, jobs.c.subject == subject, jobs.c.tenant_id == tenant_id
    )
    row = (await connection.execute(one.with_for_update())).first()
    return None if row is None else job_of(row)


async def _take_numbers(connection: AsyncConnection, tenant_id: TenantId, count: int) -> int:
    """Return the number before the next `count` numbers of the tenant."""
    raised = tenants.update().where(tenants.c.id == tenant_id).values(job_sequence=tenants.c.job_sequence + count)
    last = (await connection.execute(raised.returning(tenants.c.job_sequence))).scalar_one_or_none()
    if last is None:
        raise NotFound("tenant", tenant_id)
    return int(last) - count
