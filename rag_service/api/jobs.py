"""/v1/jobs: background work, as the job table knows it."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.texts import Ref
from rag_service.domain.access import Permission
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Job
from rag_service.reasons import ADVICE
from rag_service.use_cases.permissions import require

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class JobOut(BaseModel):
    """A unit of background work. `advice` says what a person can do about `reason`."""

    id: str
    object: Literal["job"] = "job"
    kind: str
    subject: str
    state: str
    attempts: int
    stage: str | None
    done: int
    total: int | None
    reason: str | None
    advice: str | None
    created_at: int
    not_before: int


@router.get("/{job_id}")
async def read_job(parts: Parts, scope: Scope, job_id: Ref) -> JobOut:
    """Say how far a job is."""
    require(scope, Permission.UPLOAD, kind="job", ref=job_id)
    async with parts.catalog.reading() as tx:
        return _job(await tx.jobs.get(scope, JobId(job_id)))


def _job(job: Job) -> JobOut:
    return JobOut(
        id=job.id,
        kind=job.kind.value,
        subject=job.subject,
        state=job.state.value,
        attempts=job.attempts,
        stage=job.stage,
        done=job.done,
        total=job.total,
        reason=job.reason,
        advice=ADVICE[job.reason] if job.reason else None,
        created_at=int(job.created_at.timestamp()),
        not_before=int(job.not_before.timestamp()),
    )
