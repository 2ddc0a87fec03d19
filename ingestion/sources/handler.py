"""What a worker does for runs of sources."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ingestion.handlers import choose_first
from ingestion.leases import still_held_of
from ingestion.progress import ProgressNotes
from ingestion.sources.sync import SourceFailedError, SyncSource
from rag_service.domain.access import system_scope
from rag_service.domain.ids import JobId, RunId
from rag_service.domain.jobs import Job
from rag_service.domain.sync import RunState
from rag_service.errors import Conflict, DataDamaged, NotFound, RagError, SourceRefused
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ReasonCode


class SourceHandler:
    """Synchronises sources, one at a time."""

    limit = 1
    choose = staticmethod(choose_first)

    def __init__(
        self, sync: SyncSource, *, catalog: Catalog, progress: ProgressNotes, clock: Callable[[], datetime]
    ) -> None:
        self._sync = sync
        self._catalog = catalog
        self._progress = progress
        self._clock = clock

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Bring runs to their end; while other jobs have to end first, the job waits."""
        for job in jobs:
            await self._run(job)
        async with self._catalog.writing() as tx:
            await tx.jobs.succeed(jobs, now=self._clock())
        return {}

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """A source that did not answer may do so next time; one that refuses needs a person."""
        match error:
            case SourceFailedError():
                return ReasonCode.SOURCE_REFUSED, True
            case SourceRefused() | DataDamaged():
                return ReasonCode.SOURCE_REFUSED, False
            case Conflict():
                return ReasonCode.CONFLICT, False
        return ReasonCode.INTERNAL, not isinstance(error, NotFound)

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """End the run with its reason; its draft is discarded, so that the next run begins from what is published."""
        try:
            await tx.source_runs.end(
                system_scope(job.tenant_id), RunId(job.subject), RunState.FAILED, error=detail, now=self._clock()
            )
        except NotFound:
            return  # its corpus was erased

    async def _run(self, job: Job) -> None:
        async with self._progress.of([job]) as notes:
            await self._sync(
                system_scope(job.tenant_id),
                RunId(job.subject),
                still_held=still_held_of(self._catalog, job),
                on_items=notes.set,
            )
