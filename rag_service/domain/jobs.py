"""Background work. The job row is the truth about it; messages only say where to look."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from rag_service.domain.drafts import Draft
from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint, JobId, TenantId, WorkerId, new_id
from rag_service.errors import NotFound
from rag_service.reasons import ReasonCode

MAX_BACKOFF = timedelta(minutes=5)
"""The longest pause between two attempts. What should pause longer was put off by a clock that was wrong: it is due."""

STARVED = "starved"
"""Shown instead of a job's state when it is due and nobody takes it, or no worker is there for its parts."""


class JobKind(StrEnum):
    """What a job does; its subject says to what."""

    PREPARE_REVISION = "prepare_revision"  # subject: document id / revision number
    SEAL_DRAFT = "seal_draft"  # subject: draft id; what for is in the draft
    UNSEAL_DRAFT = "unseal_draft"  # subject: draft id
    ERASE = "erase"  # subject: erasure id
    FILL_BUILD = "fill_build"  # subject: corpus id / fingerprint of the build
    SYNC_SOURCE = "sync_source"  # subject: run id
    EMBED_CHUNKS = "embed_chunks"  # a part of PREPARE_REVISION; subject: its subject / first chunk - end
    EVALUATE_DRAFT = "evaluate_draft"  # subject: draft id; its golden questions, before it is published
    RUN_SUITE = "run_suite"  # subject: id of the evaluation run


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

FINISHED_STATES = frozenset(JobState) - OPEN_STATES
RETRYABLE_STATES = frozenset({JobState.FAILED, JobState.DEAD, JobState.CANCELLED})

_TAKEN_WHEN_DUE = frozenset({JobState.QUEUED, JobState.FAILED})


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
    `done` of `total` counts what `stage` is about: pages while it is read, chunks while it is embedded.
    `whole_id` is the job of which it is a part: people see that one only. `size_bytes` are those of the file that it reads.
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
    stage_started_at: datetime | None
    finished_at: datetime | None
    changes: int
    whole_id: JobId | None = None
    size_bytes: int = 0

    @property
    def is_spread(self) -> bool:
        """Whether its parts run in its place: they have leases, and it has none."""
        return self.state is JobState.RUNNING and self.lease_until is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A running job as somebody saw it: while its holder lives, the numbers change within a lease."""

    job_id: JobId
    fence: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Bytes of files that wait to be prepared, or are just now."""

    of_tenant: int
    of_all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process that works off jobs of some kinds, and when it last said so."""

    id: WorkerId
    kinds: frozenset[JobKind]
    host: str
    pid: int
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenJob:
    """A job as people see it. `age_s` counts from when it was added, `remaining_s` to the end of its stage if known."""

    job: Job
    shown_state: str
    age_s: float
    remaining_s: float | None


def new_job(
    tenant_id: TenantId,
    kind: JobKind,
    subject: str,
    *,
    now: datetime,
    corpus_id: CorpusId | None = None,
    priority: Priority = Priority.BULK,
    size_bytes: int = 0,
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
        stage_started_at=None,
        finished_at=None,
        changes=0,
        size_bytes=size_bytes,
    )


def draft_job(draft: Draft, kind: JobKind, *, now: datetime, priority: Priority = Priority.BULK) -> Job:
    """Return a job about a draft."""
    return new_job(draft.tenant_id, kind, draft.id, now=now, corpus_id=draft.corpus_id, priority=priority)


def follow_up(job: Job, kind: JobKind, *, now: datetime) -> Job:
    """Return a job about the same thing that is as urgent."""
    return new_job(job.tenant_id, kind, job.subject, now=now, corpus_id=job.corpus_id, priority=job.priority)


def parts_of_preparation(job: Job, *, chunk_count: int, part_chunks: int, now: datetime) -> list[Job]:
    """Return the jobs that embed the chunks of a revision, as urgent as the one that prepares it and in its place."""
    parts = []
    for start in range(0, chunk_count, part_chunks):
        subject = f"{job.subject}/{start}-{min(start + part_chunks, chunk_count)}"
        part = new_job(
            job.tenant_id, JobKind.EMBED_CHUNKS, subject, now=now, corpus_id=job.corpus_id, priority=job.priority
        )
        parts.append(replace(part, sequence=job.sequence, whole_id=job.id))
    return parts


def revision_of(job: Job) -> tuple[DocumentId, int]:
    """Return document and number of the revision that a PREPARE_REVISION job is about, or raise NotFound."""
    return _revision_in(job.subject)


def chunks_of(job: Job) -> tuple[DocumentId, int, range]:
    """Return document, revision and places of the chunks that an EMBED_CHUNKS job is about, or raise NotFound."""
    revision, _, places = job.subject.rpartition("/")
    start, _, stop = places.partition("-")
    if not start.isdecimal() or not stop.isdecimal():
        raise NotFound("chunks", job.subject)
    return *_revision_in(revision), range(int(start), int(stop))


def _revision_in(subject: str) -> tuple[DocumentId, int]:
    document_id, _, number = subject.rpartition("/")
    if not document_id or not number.isdecimal():
        raise NotFound("revision", subject)
    return DocumentId(document_id), int(number)


def fill_subject(corpus_id: CorpusId, fingerprint: Fingerprint) -> str:
    """Return the subject of the FILL_BUILD job of a build."""
    return f"{corpus_id}/{fingerprint}"


def build_of(job: Job) -> tuple[CorpusId, Fingerprint]:
    """Return corpus and fingerprint of the build that a FILL_BUILD job is about, or raise NotFound."""
    corpus_id, _, fingerprint = job.subject.rpartition("/")
    if not corpus_id:
        raise NotFound("build", job.subject)
    return CorpusId(corpus_id), Fingerprint(fingerprint)


def backoff(attempt: int, *, jitter: float) -> timedelta:
    """Return the pause before the next try after `attempt` (1, 2, …) failed, drawn by `jitter` from 0 to 1.

    It is half to all of 1 s, 4 s, 16 s … at most MAX_BACKOFF, so that what failed together is not repeated together.
    """
    longest = min(timedelta(seconds=4 ** min(attempt - 1, 10)), MAX_BACKOFF)
    return longest * (0.5 + jitter / 2)


def seen(job: Job, *, now: datetime, served_kinds: Collection[JobKind], starved_after: timedelta) -> SeenJob:
    """Return what people are told about a job; `served_kinds` are those for which a worker is there."""
    return SeenJob(
        job=job,
        shown_state=STARVED if _is_starved(job, now, served_kinds, starved_after) else job.state.value,
        age_s=max((now - job.created_at).total_seconds(), 0.0),
        remaining_s=_remaining_s(job, now),
    )


def _is_starved(job: Job, now: datetime, served_kinds: Collection[JobKind], starved_after: timedelta) -> bool:
    if job.is_spread:
        return JobKind.EMBED_CHUNKS not in served_kinds
    if job.state not in _TAKEN_WHEN_DUE:
        return False
    return job.kind not in served_kinds or now - job.not_before > starved_after


def _remaining_s(job: Job, now: datetime) -> float | None:
    if job.state is not JobState.RUNNING or job.stage_started_at is None or not job.total or not job.done:
        return None
    elapsed_s = max((now - job.stage_started_at).total_seconds(), 0.0)
    return elapsed_s * max(job.total - job.done, 0) / job.done
