"""A job as it is sent."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from rag_service.api.lists import Listed
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Job, JobKind, SeenJob
from rag_service.reasons import ADVICE
from rag_service.use_cases.job_names import JobNames
from rag_service.use_cases.jobs import ManageJobs

_READING = "parse"


class Progress(BaseModel):
    """So many of so many, which may not be known yet."""

    done: int
    total: int | None


class JobOut(Listed):
    """A unit of background work.

    `state` is "starved" for a queued or failed job that is due and that nobody takes. `pages` are told while the
    file is read, `chunks` afterwards; `done` of `total` is the one that is told, or, for a source, the number of its
    items. `remaining_s` is for the stage that runs. `advice` says what a person can do about `reason`. `changes` grows with every change: the id of its event.
    `subject` and `document` are null when they name a file that is gone or that the caller may not see.
    """

    object: Literal["job"] = "job"
    kind: str
    subject: str | None
    corpus_id: str | None
    corpus: str | None
    document: str | None
    state: str
    attempts: int
    priority: int
    stage: str | None
    done: int
    total: int | None
    pages: Progress | None
    chunks: Progress | None
    remaining_s: float | None
    age_s: float
    reason: str | None
    advice: str | None
    changes: int
    created_at: int
    not_before: int
    started_at: int | None
    finished_at: int | None


def job_out(seen: SeenJob, names: JobNames) -> JobOut:
    """Return a job as it is sent."""
    job = seen.job
    return JobOut(
        id=job.id,
        kind=job.kind.value,
        subject=names.subject,
        corpus_id=job.corpus_id,
        corpus=names.corpus,
        document=names.document,
        state=seen.shown_state,
        attempts=job.attempts,
        priority=job.priority.value,
        stage=job.stage,
        done=job.done,
        total=job.total,
        pages=_progress(job, is_of_stage=job.stage == _READING),
        chunks=_progress(job, is_of_stage=job.stage != _READING and job.kind is not JobKind.SYNC_SOURCE),
        remaining_s=None if seen.remaining_s is None else round(seen.remaining_s, 1),
        age_s=round(seen.age_s, 1),
        reason=job.reason,
        advice=ADVICE[job.reason] if job.reason else None,
        changes=job.changes,
        created_at=int(job.created_at.timestamp()),
        not_before=int(job.not_before.timestamp()),
        started_at=_seconds(job.started_at),
        finished_at=_seconds(job.finished_at),
    )


async def named_out(jobs: ManageJobs, scope: AccessScope, seen: SeenJob) -> JobOut:
    """Return a job as it is sent, with the names that the caller may see."""
    return job_out(seen, (await jobs.names(scope, [seen]))[seen.job.id])


async def reply_about(jobs: ManageJobs, scope: AccessScope, job_id: JobId) -> JobOut:
    """Return a job by its id, as it is sent; raise NotFound when the caller may not see it."""
    return await named_out(jobs, scope, await jobs.get(scope, job_id))


def _progress(job: Job, *, is_of_stage: bool) -> Progress | None:
    is_counted = is_of_stage and job.stage is not None and (job.total is not None or job.done > 0)
    return Progress(done=job.done, total=job.total) if is_counted else None


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
