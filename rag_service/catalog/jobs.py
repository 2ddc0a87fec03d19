"""The job table: the truth about background work."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog import job_control, job_parts
from rag_service.catalog.batches import batches
from rag_service.catalog.due_jobs import any_due, due_jobs, due_kinds, is_left_alone, serve
from rag_service.catalog.job_rows import JOB, add_job, allowed_jobs, job_of
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.prepared_subjects import note_draft
from rag_service.catalog.tables import OPEN_JOBS, WAITING_FILES, jobs
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, JobId, TenantId
from rag_service.domain.jobs import Backlog, Heartbeat, Job, JobKind, JobState, Priority
from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import LeaseLost, NotFound
from rag_service.reasons import ReasonCode

# What people can see has changed.
_CHANGED = {"changes": jobs.c.changes + 1}


class SqlJobs:
    """Implements `ports.catalog.Jobs`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, job: Job) -> Job:
        return await add_job(self._connection, job)

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
        return await due_jobs(
            self._connection,
            kinds,
            priorities=priorities,
            now=now,
            silent=silent,
            passed_over=passed_over,
            limit=limit,
        )

    async def any_due(self, kinds: Collection[JobKind], *, now: datetime, silent: Sequence[Heartbeat] = ()) -> bool:
        return await any_due(self._connection, kinds, now=now, silent=silent)

    async def due_kinds(self, *, now: datetime, silent: Sequence[Heartbeat] = ()) -> frozenset[JobKind]:
        return await due_kinds(self._connection, now=now, silent=silent)

    async def claim(self, due: Sequence[Job], *, now: datetime, lease: timedelta) -> list[Job]:
        values = {
            "state": JobState.RUNNING,
            "attempts": jobs.c.attempts + 1,
            "fence": jobs.c.fence + 1,
            "lease_until": now + lease,
            "started_at": now,
            "stage": None,
            "stage_started_at": None,
            "done": 0,
            "total": None,
            # What it waited for stays to be compared with what it waits for next.
            "detail": sa.case((jobs.c.state == JobState.WAITING, jobs.c.detail)),
            # A job that waits is looked at twice a second: that alone is nothing to tell people.
            "changes": _unless(sa.and_(jobs.c.state == JobState.WAITING, jobs.c.stage.is_(None))),
        }
        taken: dict[JobId, Job] = {}
        for batch in batches(due):
            changed = jobs.update().where(jobs.c.id.in_([job.id for job in batch])).values(values)
            taken |= {row.id: job_of(row) for row in await self._connection.execute(changed.returning(*JOB))}
        if due:
            await serve(self._connection, {job.tenant_id for job in due})
        return [taken[job.id] for job in due]

    async def extend(self, held: Sequence[Job], *, now: datetime, lease: timedelta) -> frozenset[JobId]:
        return await self._change_held(held, {"lease_until": now + lease, "heartbeat": jobs.c.heartbeat + 1})

    async def heartbeats(self) -> list[Heartbeat]:
        # A job whose parts run in its place has no lease, and nobody who would renew it.
        running = sa.select(jobs.c.id, jobs.c.fence, jobs.c.heartbeat).where(
            OPEN_JOBS, jobs.c.state == JobState.RUNNING, jobs.c.lease_until.is_not(None)
        )
        rows = await self._connection.execute(running)
        return [Heartbeat(job_id=row.id, fence=row.fence, count=row.heartbeat) for row in rows]

    async def progress(
        self, job_id: JobId, fence: int, *, stage: str, done: int, total: int | None, now: datetime
    ) -> None:
        began = sa.case((jobs.c.stage == stage, jobs.c.stage_started_at), else_=sa.literal(now, jobs.c.created_at.type))
        await self._change(job_id, fence, {"stage": stage, "stage_started_at": began, "done": done, "total": total})

    async def assert_held(self, job_id: JobId, fence: int) -> None:
        # The lock keeps others from claiming the job between this check and the commit.
        held = sa.select(jobs.c.id).where(_held(job_id, fence)).with_for_update()
        if (await self._connection.execute(held)).first() is None:
            raise _lost(job_id)

    async def succeed(self, held: Sequence[Job], *, now: datetime) -> frozenset[JobId]:
        over = {"state": JobState.SUCCEEDED, "reason": None, "detail": None, "lease_until": None, "finished_at": now}
        return await self._change_held(held, over | _CHANGED)

    async def fail(
        self, job_id: JobId, fence: int, *, reason: ReasonCode, detail: str, retry_at: datetime | None, now: datetime
    ) -> Job:
        why = {"reason": reason.value, "detail": detail, "lease_until": None}
        if retry_at is not None:
            failed = await self._change(job_id, fence, why | {"state": JobState.FAILED, "not_before": retry_at})
            await job_parts.tell_whole(self._connection, failed)
            return failed
        dead = await self._change(job_id, fence, why | {"state": JobState.DEAD, "finished_at": now})
        whole = await job_parts.fail_whole(self._connection, dead, reason=reason.value, detail=detail, now=now)
        for one in (dead, whole):
            if one is not None and one.kind is JobKind.PREPARE_REVISION:
                await note_draft(self._connection, one)
        return dead

    async def wait(self, job_id: JobId, fence: int, *, look_at: datetime, detail: str) -> Job:
        told = {"detail": detail, "changes": _unless(sa.and_(jobs.c.detail == detail, jobs.c.stage.is_(None)))}
        waiting = await self._change(job_id, fence, _put_back(JobState.WAITING, look_at) | told)
        await job_parts.tell_whole(self._connection, waiting)
        return waiting

    async def release(self, held: Sequence[Job], *, now: datetime) -> None:
        await self._change_held(held, _put_back(JobState.QUEUED, now) | _CHANGED)

    async def spread(self, held: Job, parts: Sequence[Job], *, stage: str, total: int, now: datetime) -> None:
        if not await job_parts.spread(self._connection, held, parts, stage=stage, total=total, now=now):
            raise _lost(held.id)

    async def finish_part(self, held: Job, *, done: int, now: datetime) -> Job | None:
        await self.assert_held(held.id, held.fence)
        return await job_parts.finish_part(self._connection, held, done=done, now=now)

    async def get(self, scope: AccessScope, job_id: JobId) -> Job:
        row = (await self._connection.execute(_jobs(scope).where(jobs.c.id == job_id))).first()
        if row is None:
            raise NotFound("job", job_id)
        return job_of(row)

    async def of_subject(self, scope: AccessScope, subject: str) -> list[Job]:
        newest_first = _jobs(scope).where(jobs.c.subject == subject).order_by(jobs.c.sequence.desc())
        return [job_of(row) for row in await self._connection.execute(newest_first)]

    async def list(
        self,
        scope: AccessScope,
        page: PageRequest,
        *,
        states: Collection[JobState] | None = None,
        kind: JobKind | None = None,
        corpus_id: CorpusId | None = None,
    ) -> Page[Job]:
        listed = _jobs(scope)
        if states is not None:
            listed = listed.where(jobs.c.state.in_(states))
        if kind is not None:
            listed = listed.where(jobs.c.kind == kind)
        if corpus_id is not None:
            listed = listed.where(jobs.c.corpus_id == corpus_id)
        position = (jobs.c.sequence, jobs.c.id)
        places = sa.select(*position).where(allowed_jobs(scope))
        return await fetch_page(
            self._connection,
            listed,
            position=position,
            cursor=lambda job_id: places.where(jobs.c.id == job_id),
            page=page,
            item_of=job_of,
        )

    async def counts(self, scope: AccessScope) -> Mapping[JobState, int]:
        counted = sa.select(jobs.c.state, sa.func.count()).where(allowed_jobs(scope)).group_by(jobs.c.state)
        found = {JobState(state): count for state, count in await self._connection.execute(counted)}
        return {state: found.get(state, 0) for state in JobState}

    async def waiting_bytes(self, scope: AccessScope) -> int:
        waiting = sa.select(sa.func.sum(jobs.c.size_bytes)).where(WAITING_FILES, allowed_jobs(scope))
        return int((await self._connection.execute(waiting)).scalar_one() or 0)

    async def backlog(self, tenant_id: TenantId) -> Backlog:
        # Of columns of the index alone: no row of a waiting job is looked at.
        mine = sa.case((jobs.c.tenant_id == tenant_id, jobs.c.size_bytes), else_=0)
        both = sa.select(sa.func.sum(mine), sa.func.sum(jobs.c.size_bytes)).where(WAITING_FILES)
        of_tenant, of_all = (await self._connection.execute(both)).one()
        return Backlog(of_tenant=int(of_tenant or 0), of_all=int(of_all or 0))

    async def starved(
        self, scope: AccessScope, *, now: datetime, served_kinds: Collection[JobKind], starved_after: timedelta
    ) -> int:
        starved = is_left_alone(now=now, served_kinds=served_kinds, starved_after=starved_after)
        if JobKind.EMBED_CHUNKS not in served_kinds:
            is_spread = sa.and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until.is_(None))
            starved = sa.or_(starved, is_spread)
        counted = sa.select(sa.func.count()).where(OPEN_JOBS, allowed_jobs(scope), starved)
        return int((await self._connection.execute(counted)).scalar_one())

    async def cancel(self, scope: AccessScope, job_id: JobId, *, now: datetime) -> Job:
        return await job_control.cancel(self._connection, scope, job_id, now=now)

    async def retry(self, scope: AccessScope, job_id: JobId, *, now: datetime) -> Job:
        return await job_control.retry(self._connection, scope, job_id, now=now)

    async def purge(self, scope: AccessScope, *, states: Collection[JobState], before: datetime) -> int:
        return await job_control.purge(self._connection, scope, states, before=before)

    async def _change_held(self, held: Sequence[Job], values: Mapping[str, Any]) -> frozenset[JobId]:
        changed: set[JobId] = set()
        for batch in batches(held):
            fences = sa.tuple_(jobs.c.id, jobs.c.fence).in_([(job.id, job.fence) for job in batch])
            # The ids are named once more alone: SQLite uses no index for pairs.
            mine = sa.and_(jobs.c.id.in_([job.id for job in batch]), fences, jobs.c.state == JobState.RUNNING)
            returned = jobs.update().where(mine).values(dict(values)).returning(jobs.c.id)
            changed |= set((await self._connection.execute(returned)).scalars())
        return frozenset(changed)

    async def _change(self, job_id: JobId, fence: int, values: Mapping[str, Any]) -> Job:
        changed = jobs.update().where(_held(job_id, fence)).values(_CHANGED | dict(values)).returning(*JOB)
        row = (await self._connection.execute(changed)).first()
        if row is None:
            raise _lost(job_id)
        return job_of(row)


def _put_back(state: JobState, not_before: datetime) -> dict[str, Any]:
    """Return the values of a job whose attempt does not count."""
    return {"state": state, "attempts": jobs.c.attempts - 1, "not_before": not_before, "lease_until": None}


def _unless(unnoticed: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """Return the number of changes, one more unless people can see none."""
    return jobs.c.changes + sa.case((unnoticed, 0), else_=1)


def _jobs(scope: AccessScope) -> sa.Select[Any]:
    return sa.select(*JOB).where(allowed_jobs(scope))


def _held(job_id: JobId, fence: int) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.id == job_id, jobs.c.fence == fence, jobs.c.state == JobState.RUNNING)


def _lost(job_id: JobId) -> LeaseLost:
    return LeaseLost(f"Job {job_id} is no longer held by this worker.")
