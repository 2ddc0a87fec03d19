"""What people do with jobs: stop one, try one again, clear away those that are over."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.draft_rows import draft_of
from rag_service.catalog.eval_runs import SqlEvalRuns
from rag_service.catalog.job_parts import lock_parts, remove_parts
from rag_service.catalog.job_rows import JOB, add_job, allowed_jobs, job_of, open_job
from rag_service.catalog.prepared_subjects import take_back, wish_again
from rag_service.catalog.run_ends import end_run
from rag_service.catalog.sealing import hold_back
from rag_service.catalog.source_rows import run_of
from rag_service.catalog.tables import drafts, jobs, source_runs
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.evaluations import OPEN_RUNS
from rag_service.domain.ids import DraftId, EvalRunId, JobId
from rag_service.domain.jobs import FINISHED_STATES, OPEN_STATES, RETRYABLE_STATES, Job, JobKind, JobState, follow_up
from rag_service.domain.sync import RunState
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.reasons import ReasonCode


async def cancel(connection: AsyncConnection, scope: AccessScope, job_id: JobId, *, now: datetime) -> Job:
    """Stop a job; see the port."""
    await lock_parts(connection, job_id)
    job = await _locked(connection, scope, job_id)
    if job.state is JobState.CANCELLED:
        return job
    if job.state not in OPEN_STATES:
        raise Conflict(f"Job {job_id} is over: {job.state.value}.")
    match job.kind:
        case JobKind.PREPARE_REVISION:
            await remove_parts(connection, job_id)
            await take_back(connection, job)
        case JobKind.SEAL_DRAFT:
            await _give_up_seal(connection, job, now)
        case JobKind.EVALUATE_DRAFT:
            await _give_up_publish(connection, job)
        case JobKind.ERASE:
            raise Conflict("An erasure that was asked for is carried out.")
        case JobKind.UNSEAL_DRAFT:
            await _assert_not_needed(connection, job)
        case JobKind.SYNC_SOURCE:
            await _give_up_run(connection, job, now)
        case JobKind.RUN_SUITE:
            await _give_up_suite(connection, job, now)
    return await _set(
        connection,
        job,
        state=JobState.CANCELLED,
        reason=ReasonCode.CANCELLED.value,
        detail=None,
        lease_until=None,
        finished_at=now,
    )


async def retry(connection: AsyncConnection, scope: AccessScope, job_id: JobId, *, now: datetime) -> Job:
    """Put a job back into the queue; see the port."""
    job = await _locked(connection, scope, job_id)
    if job.state not in RETRYABLE_STATES:
        raise Conflict(f"Job {job_id} is {job.state.value}: there is nothing to try again.")
    other = await open_job(connection, job.tenant_id, job.kind, job.subject)
    if other is not None and other.id != job_id:
        raise Conflict(f"Job {other.id} does the same already.")
    if job.kind is JobKind.UNSEAL_DRAFT and job.state not in OPEN_STATES:
        await _assert_not_sealed_again(connection, job)
    if job.kind is JobKind.SYNC_SOURCE and job.state not in OPEN_STATES:
        raise Conflict("A run that has ended is not taken up again. Start another run of the source.")
    if job.kind is JobKind.EVALUATE_DRAFT and job.state not in OPEN_STATES:
        raise Conflict("Publish the draft again: it is evaluated then.")
    if job.kind is JobKind.PREPARE_REVISION:
        await wish_again(connection, job, now)
    return await _set(
        connection,
        job,
        state=JobState.QUEUED,
        attempts=0,
        stage=None,
        done=0,
        total=None,
        reason=None,
        detail=None,
        not_before=now,
        finished_at=None,
    )


async def purge(
    connection: AsyncConnection, scope: AccessScope, states: Collection[JobState], *, before: datetime
) -> int:
    """Remove jobs that are over, and return how many."""
    for state in sorted(set(states) - FINISHED_STATES):
        raise InvalidRequest(f"Jobs that are {state.value} are not over. Cancel them first.", param="states")
    over_since = sa.func.coalesce(jobs.c.finished_at, jobs.c.created_at)
    old = jobs.delete().where(allowed_jobs(scope), jobs.c.state.in_(states), over_since < before)
    return (await connection.execute(old)).rowcount


async def _locked(connection: AsyncConnection, scope: AccessScope, job_id: JobId) -> Job:
    one = sa.select(*JOB).where(allowed_jobs(scope), jobs.c.id == job_id).with_for_update()
    row = (await connection.execute(one)).first()
    if row is None:
        raise NotFound("job", job_id)
    return job_of(row)


async def _set(connection: AsyncConnection, job: Job, **values: Any) -> Job:
    # Whoever runs the job holds an older fence from now on.
    changed = jobs.update().where(jobs.c.id == job.id)
    changed = changed.values(fence=jobs.c.fence + 1, changes=jobs.c.changes + 1, **values)
    return job_of((await connection.execute(changed.returning(*JOB))).one())


async def _give_up_seal(connection: AsyncConnection, job: Job, now: datetime) -> None:
    row = (await connection.execute(drafts.select().where(drafts.c.id == job.subject))).first()
    if row is None or not (draft := draft_of(row)).holds_the_slot:
        return
    if draft.state is DraftState.SEALED and not draft.automatic:
        await _give_up_publish(connection, job)
        return
    await add_job(connection, follow_up(job, JobKind.UNSEAL_DRAFT, now=now))


async def _give_up_publish(connection: AsyncConnection, job: Job) -> None:
    """Make a preview of a draft whose verdict will not come."""
    with suppress(NotFound):
        await hold_back(connection, system_scope(job.tenant_id), DraftId(job.subject))


async def _give_up_run(connection: AsyncConnection, job: Job, now: datetime) -> None:
    row = (await connection.execute(source_runs.select().where(source_runs.c.id == job.subject))).first()
    if row is None:
        return
    run = run_of(row)
    for kind in (JobKind.SEAL_DRAFT, JobKind.EVALUATE_DRAFT):
        if publishing := await open_job(connection, job.tenant_id, kind, run.draft_id or ""):
            raise Conflict(f"Job {publishing.id} publishes what this run brought. Cancel it first.")
    await end_run(connection, run, RunState.CANCELLED, error=None, now=now)


async def _give_up_suite(connection: AsyncConnection, job: Job, now: datetime) -> None:
    runs, scope = SqlEvalRuns(connection), system_scope(job.tenant_id)
    with suppress(NotFound):
        run = await runs.get(scope, EvalRunId(job.subject))
        if run.state in OPEN_RUNS:
            await runs.change(scope, run.failed("Somebody stopped it.", now))


async def _assert_not_sealed_again(connection: AsyncConnection, job: Job) -> None:
    # One would write points while the other takes them away.
    seal = await open_job(connection, job.tenant_id, JobKind.SEAL_DRAFT, job.subject)
    if seal is not None:
        raise Conflict(f"Job {seal.id} seals this draft. Cancel it first.")


async def _assert_not_needed(connection: AsyncConnection, job: Job) -> None:
    row = (await connection.execute(drafts.select().where(drafts.c.id == job.subject))).first()
    if row is None:
        return
    draft = draft_of(row)
    # A preview may stay sealed; anything else that holds the slot would keep it for ever.
    is_to_publish = draft.automatic or draft.purpose is SealPurpose.PUBLISH
    if draft.holds_the_slot and (draft.state is not DraftState.SEALED or is_to_publish):
        raise Conflict(f"Draft {draft.id} is {draft.state.value}. Without job {job.id} it would stay so.")
