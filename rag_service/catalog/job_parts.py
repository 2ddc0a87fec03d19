"""Jobs whose work is spread over parts. Parts are locked before their whole, here and wherever both are needed."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.job_rows import JOB, job_of
from rag_service.catalog.tables import jobs
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Job, JobState

_CHANGED = {"changes": jobs.c.changes + 1}


async def spread(
    connection: AsyncConnection, job: Job, parts: Sequence[Job], *, stage: str, total: int, now: datetime
) -> bool:
    """Let parts run in place of a job; False when the job is no longer held."""
    values = {
        # Whoever held it may renew no lease any more.
        "fence": jobs.c.fence + 1,
        "lease_until": None,
        "stage": stage,
        "stage_started_at": now,
        "done": 0,
        "total": total,
        "reason": None,
        "detail": None,
    }
    held = sa.and_(jobs.c.id == job.id, jobs.c.fence == job.fence, jobs.c.state == JobState.RUNNING)
    changed = await connection.execute(jobs.update().where(held).values(_CHANGED | values))
    if changed.rowcount:
        await connection.execute(jobs.insert(), [asdict(part) for part in parts])
    return bool(changed.rowcount)


async def finish_part(connection: AsyncConnection, part: Job, *, done: int, now: datetime) -> Job | None:
    """Remove a part that is locked and held, and return the whole; it succeeds when this was its last part."""
    await connection.execute(jobs.delete().where(jobs.c.id == part.id))
    # The whole stays locked: of two last parts, the second one looks for others after the first one has gone.
    if await _change_whole(connection, part, done=jobs.c.done + done, reason=None, detail=None) is None:
        return None
    other = sa.select(jobs.c.id).where(jobs.c.whole_id == part.whole_id).limit(1)
    if (await connection.execute(other)).first() is not None:
        return None
    return await _change_whole(connection, part, state=JobState.SUCCEEDED, finished_at=now)


async def fail_whole(connection: AsyncConnection, part: Job, *, reason: str, detail: str, now: datetime) -> Job | None:
    """End a whole with a part that is dead, and every part of it."""
    if part.whole_id is None:
        return None
    await remove_parts(connection, part.whole_id)
    return await _change_whole(connection, part, state=JobState.DEAD, reason=reason, detail=detail, finished_at=now)


async def tell_whole(connection: AsyncConnection, part: Job) -> None:
    """Say in the whole why a part does not go on."""
    if part.whole_id is not None:
        reason = None if part.reason is None else part.reason.value
        is_new = jobs.c.detail.is_distinct_from(part.detail)
        await _change_whole(connection, part, is_new, reason=reason, detail=part.detail)


async def lock_parts(connection: AsyncConnection, whole_id: JobId) -> None:
    """Keep the parts of a job as they are until the transaction ends, before the job itself is locked."""
    await connection.execute(sa.select(jobs.c.id).where(jobs.c.whole_id == whole_id).with_for_update())


async def remove_parts(connection: AsyncConnection, whole_id: JobId) -> None:
    """Remove the parts of a job: whoever runs one has lost it."""
    await connection.execute(jobs.delete().where(jobs.c.whole_id == whole_id))


async def _change_whole(
    connection: AsyncConnection, part: Job, *conditions: sa.ColumnElement[bool], **values: Any
) -> Job | None:
    is_spread = sa.and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until.is_(None))
    changed = jobs.update().where(jobs.c.id == part.whole_id, is_spread, *conditions)
    row = (await connection.execute(changed.values(_CHANGED | values).returning(*JOB))).first()
    return None if row is None else job_of(row)
