"""What a worker does for each kind of job."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

import structlog

from ingestion.lanes import SMALL_BYTES, Queue
from ingestion.leases import still_held_of
from ingestion.pipeline import revisions_of
from ingestion.progress import ProgressNotes
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import DocumentId, DraftId, JobId
from rag_service.domain.jobs import Job, JobKind, follow_up, revision_of
from rag_service.errors import Conflict, DocumentRejected, NotFound, RagError
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ReasonCode
from rag_service.use_cases.chunk_progress import OnChunks
from rag_service.use_cases.draft_jobs import open_job_of
from rag_service.use_cases.seal_plan import StillHeld

_STAGE = "index"

BATCH_JOBS = 128
BATCH_BYTES = 4 * SMALL_BYTES
"""Small revisions are prepared together up to this many and this much; a larger one is prepared alone."""

# A file that kills its parser may do so because the machine was short of something: it gets all attempts.
_WORTH_ANOTHER_TRY = frozenset(
    {ReasonCode.PARSER_CRASHED, ReasonCode.PARSER_TIMEOUT, ReasonCode.PARSER_OUT_OF_MEMORY, ReasonCode.INTERNAL}
)

Prepare = Callable[[Sequence[Job]], Awaitable[Mapping[JobId, DocumentRejected]]]
HasRoom = Callable[[int], bool]
"""Says whether this machine could read a large file of so many bytes now."""

_log = structlog.get_logger()


class ChangeDraft(Protocol):
    """A use case that a draft's job carries out."""

    async def __call__(
        self, scope: AccessScope, draft_id: DraftId, *, still_held: StillHeld, on_chunks: OnChunks
    ) -> Any:
        """Do it. Safe to repeat; `still_held` raises LeaseLost once another worker has the job."""


class Handler(Protocol):
    """How jobs of one kind are worked off. `limit` is how many of them may run together."""

    limit: int

    async def choose(self, tx: Transaction, due: Sequence[Job], queue: Queue) -> Sequence[Job]:
        """Return those of the jobs that run together now."""

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Work jobs off and close them; return why some could not be, which stay open."""

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """Return why a job failed, and whether another try is worth it."""

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Do for the subject what follows from a job that is dead."""


async def choose_first(_tx: Transaction, due: Sequence[Job], _queue: Queue) -> Sequence[Job]:
    """Choose the first: jobs of this kind run one at a time."""
    return due[:1]


class RevisionHandler:
    """Prepares revisions, small ones together."""

    limit = BATCH_JOBS

    def __init__(self, prepare: Prepare, *, has_room: HasRoom = lambda _: True) -> None:
        self._prepare = prepare
        self._has_room = has_room

    async def choose(self, tx: Transaction, due: Sequence[Job], queue: Queue) -> Sequence[Job]:
        """Choose small revisions to be prepared together, or a large one or a suspicious one alone."""
        revisions = await revisions_of(tx, due)
        # A job whose revision is gone runs alone, so that its failure is its own.
        sizes = {job_id: revision.size_bytes for job_id, revision in revisions.items()}
        if queue.only_small or not self._has_room_for(due[0], sizes):
            due = [job for job in due if not _runs_alone(job, sizes)]
        return due[: _fitting(due, sizes)]

    def _has_room_for(self, first: Job, sizes: Mapping[JobId, int]) -> bool:
        # The first one only, though a smaller one may have room: otherwise the largest waits for ever.
        size_bytes = sizes.get(first.id, 0)
        return size_bytes <= SMALL_BYTES or self._has_room(size_bytes)

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Prepare the revisions."""
        return await self._prepare(jobs)

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """Whatever is not about the file may pass."""
        reason = error.reason if isinstance(error, DocumentRejected) else ReasonCode.INTERNAL
        return reason, reason in _WORTH_ANOTHER_TRY and not isinstance(error, NotFound)

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Say in the revision why it failed."""
        with suppress(NotFound):
            await fail_revision(tx, job, *revision_of(job), reason=reason, detail=detail)


async def fail_revision(
    tx: Transaction, job: Job, document_id: DocumentId, number: int, *, reason: ReasonCode, detail: str
) -> None:
    """Say in a revision why its job is dead."""
    try:
        await tx.documents.mark_failed(system_scope(job.tenant_id), document_id, number, reason=reason, detail=detail)
    except NotFound:
        _log.info("failed_revision_is_gone", job_id=job.id)


class DraftHandler:
    """Seals or unseals drafts, one at a time."""

    limit = 1
    choose = staticmethod(choose_first)

    def __init__(
        self, change: ChangeDraft, *, catalog: Catalog, progress: ProgressNotes, clock: Callable[[], datetime]
    ) -> None:
        self._change = change
        self._catalog = catalog
        self._progress = progress
        self._clock = clock

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Change the drafts."""
        for job in jobs:
            await self._run(job)
        async with self._catalog.writing() as tx:
            ended = await tx.jobs.succeed(jobs, now=self._clock())
            for job in jobs:
                if job.id in ended:
                    await self._go_on(tx, job)
        return {}

    async def _run(self, job: Job) -> None:
        async with self._progress.of([job]) as notes:
            await self._change(
                system_scope(job.tenant_id),
                DraftId(job.subject),
                still_held=still_held_of(self._catalog, job),
                on_chunks=lambda done, total: notes.set(_STAGE, done, total),
            )

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """A draft that does not fit must be mended by people."""
        if isinstance(error, Conflict):
            return ReasonCode.CONFLICT, False
        return ReasonCode.INTERNAL, not isinstance(error, NotFound)

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Have a draft opened again that did not fit, so that people can mend it; the automatic one for any reason.

        That one is sealed again after a while, and nobody's upload waits for a person to look at a dead job.
        """
        if job.kind is not JobKind.SEAL_DRAFT:
            return
        draft = await tx.drafts.get(system_scope(job.tenant_id), DraftId(job.subject))
        if reason is not ReasonCode.CONFLICT and not draft.automatic:
            return
        if draft.state in {DraftState.SEALING, DraftState.UNSEALING}:
            await self._add(tx, job, JobKind.UNSEAL_DRAFT)

    async def _go_on(self, tx: Transaction, job: Job) -> None:
        """Have a preview published whose publish was asked for when its seal had just come to an end.

        One that waits for its verdict goes on with that: the job that brings it was added when the seal began to wait.
        """
        if job.kind is not JobKind.SEAL_DRAFT:
            return
        scope = system_scope(job.tenant_id)
        try:
            draft = await tx.drafts.get(scope, DraftId(job.subject))
        except NotFound:
            return
        if draft.awaits_publish and not await open_job_of(tx, scope, draft, JobKind.EVALUATE_DRAFT):
            await self._add(tx, job, JobKind.SEAL_DRAFT)

    async def _add(self, tx: Transaction, job: Job, kind: JobKind) -> None:
        await tx.jobs.add(follow_up(job, kind, now=self._clock()))


def _fitting(due: Sequence[Job], sizes: Mapping[JobId, int]) -> int:
    """Return how many of `due`, from the first on, are prepared together."""
    left = BATCH_BYTES
    for place, job in enumerate(due):
        if _runs_alone(job, sizes) or sizes[job.id] > left:
            return max(place, 1)
        left -= sizes[job.id]
    return len(due)


def _runs_alone(job: Job, sizes: Mapping[JobId, int]) -> bool:
    return job.attempts > 0 or sizes.get(job.id, BATCH_BYTES) > SMALL_BYTES
