"""Background work. The job row is the truth about it; messages only say where to look."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from rag_service.domain.ids import CorpusId, JobId, TenantId, new_id
from rag_service.reasons import ReasonCode

MAX_BACKOFF = timedelta(minutes=5)


class JobKind(StrEnum):
    """What a job does; its subject says to what."""

    PREPARE_REVISION = "prepare_revision"  # subject: document id / revision number
    SEAL_DRAFT = "seal_draft"  # subject: draft id; what for is in the draft
    UNSEAL_DRAFT = "unseal_draft"  # subject: draft id


class JobState(StrEnum):
    """How far a job is. Dead: it failed for good, by its nature or after its last attempt.

    Waiting: it cannot begin before something else is over; looking whether it is costs no attempt.
    """

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({JobState.QUEUED, JobState.WAITING, JobState.RUNNING, JobState.FAILED})
"""A job in one of these will still do something; there is one of them per kind and subject."""


class Priority(IntEnum):
    """Which jobs come first: the lower number."""

    PERSON = 0  # somebody watches: a single upload, the seal of a held draft
    BULK = 10
    BACKGROUND = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A unit of background work.

    `fence` grows by one at each claim: a worker whose lease ran out holds an old fence and can no
    longer write. `failed` waits for its next attempt at `not_before`; `dead` waits for a person. `sequence` is its place
    among the tenant's jobs, `heartbeat` counts the renewals of its lease, `changes` every change that people can see.
    """

    id: JobId
    tenant_id: TenantId
    corpus_id: CorpusId | None
    kind: JobKind
    subject: str
    state: JobState
    priority: Priority
    sequence: int
    attempts: int
    fence: int
    stage: str | None
    done: int
    total: int | None
    reason: ReasonCode | None
    detail: str | None
    created_at: datetime
    not_before: datetime
    lease_until: datetime | None
    heartbeat: int
    started_at: datetime | None
    finished_at: datetime | None
    changes: int


def new_job(
    tenant_id: TenantId,
    kind: JobKind,
    subject: str,
    *,
    now: datetime,
    corpus_id: CorpusId | None = None,
    priority: Priority = Priority.BULK,
) -> Job:
    """Return a job that waits to be claimed; the job table gives it its place in the sequence."""
    return Job(
        id=JobId(new_id("job_")),
        tenant_id=tenant_id,
        corpus_id=corpus_id,
        kind=kind,
        subject=subject,
        state=JobState.QUEUED,
        priority=priority,
        sequence=0,
        attempts=0,
        fence=0,
        stage=None,
        done=0,
        total=None,
        reason=None,
        detail=None,
        created_at=now,
        not_before=now,
        lease_until=None,
        heartbeat=0,
        started_at=None,
        finished_at=None,
        changes=0,
    )


def backoff(attempt: int) -> timedelta:
    """Return the pause before the next try after `attempt` (1, 2, …) failed: 1 s, 4 s, 16 s … at most 5 min."""
    return min(timedelta(seconds=4 ** min(attempt - 1, 10)), MAX_BACKOFF)
