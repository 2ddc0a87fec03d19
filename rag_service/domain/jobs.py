"""Background work. The job row is the truth about it; messages only say where to look."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rag_service.domain.ids import JobId, TenantId
from rag_service.reasons import ReasonCode

MAX_BACKOFF = timedelta(minutes=5)


class JobKind(StrEnum):
    """What a job does; its subject says to what."""

    PREPARE_REVISION = "prepare_revision"  # subject: document id / revision number
    SEAL_DRAFT = "seal_draft"  # subject: draft id


class JobState(StrEnum):
    """How far a job is. Dead: it failed for good, by its nature or after its last attempt."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A unit of background work.

    `fence` grows by one at each claim: a worker whose lease ran out holds an old fence and can no
    longer write. `failed` waits for its next attempt at `not_before`; `dead` waits for a person.
    """

    id: JobId
    tenant_id: TenantId
    kind: JobKind
    subject: str
    state: JobState
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


def backoff(attempt: int) -> timedelta:
    """Return the pause before the next try after `attempt` (1, 2, …) failed: 1 s, 4 s, 16 s … at most 5 min."""
    return min(timedelta(seconds=4 ** min(attempt - 1, 10)), MAX_BACKOFF)
