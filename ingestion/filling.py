"""Filling a build: hours of work in turns, so that uploads come in between."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from ingestion.chunking.chunker import Chunker
from ingestion.handlers import choose_first
from ingestion.leases import still_held_of
from ingestion.progress import ProgressNotes
from rag_service.domain.access import system_scope
from rag_service.domain.fingerprints import CHUNKER_NAME
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Job, build_of
from rag_service.errors import CatalogUnavailable, Conflict, RagError
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ReasonCode
from rag_service.settings import BuildSettings, ChunkingSettings
from rag_service.use_cases.builds import ManageBuilds
from rag_service.use_cases.fill_build import FillBuild

_STAGE = "fill"

_log = structlog.get_logger()


class FillHandler:
    """Fills builds, one at a time. After its turn a job goes back into the queue, behind what is more urgent."""

    limit = 1
    choose = staticmethod(choose_first)

    def __init__(
        self, fill: FillBuild, *, catalog: Catalog, progress: ProgressNotes, clock: Callable[[], datetime]
    ) -> None:
        self._fill = fill
        self._catalog = catalog
        self._progress = progress
        self._clock = clock

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Fill each build for a turn; close those of which all is done."""
        for job in jobs:
            is_done = await self._run(job)
            async with self._catalog.writing() as tx:
                if is_done:
                    await tx.jobs.succeed([job], now=self._clock())
                else:
                    await tx.jobs.release([job], now=self._clock())
        return {}

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """Parts that cannot be opened need a person; a document that was erased meanwhile is not met again."""
        if isinstance(error, Conflict):
            return ReasonCode.CONFLICT, False
        return ReasonCode.INTERNAL, True

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Nothing: what is filled stays, and a rebuild that is asked for anew goes on from there."""

    async def _run(self, job: Job) -> bool:
        corpus_id, fingerprint = build_of(job)
        async with self._progress.of([job]) as notes:
            return await self._fill(
                system_scope(job.tenant_id),
                corpus_id,
                fingerprint,
                still_held=still_held_of(self._catalog, job),
                on_documents=lambda done, total: notes.set(_STAGE, done, total),
            )


class Rebuilds:
    """Starts the rebuild of corpora that were built under other settings than the service has now."""

    def __init__(self, *, builds: ManageBuilds, settings: BuildSettings) -> None:
        self._builds = builds
        self._settings = settings

    async def start(self) -> None:
        """Add the jobs that are missing, when a worker starts."""
        if not self._settings.automatic:
            return
        try:
            started = await self._builds.rebuild_all()
        except CatalogUnavailable as exc:
            _log.warning("rebuilds_not_started", reason=str(exc))  # the next worker that starts does it
            return
        if started:
            _log.info("rebuilds_started", corpora=started)


def open_chunker(parts: Parts) -> Chunker:
    """Return the chunker that cuts as the fingerprint of `parts` says.

    Raises:
        Conflict: this release cuts in another way.
    """
    cutting = parts.chunker
    if cutting.name != CHUNKER_NAME:
        raise Conflict(
            f"Texts of this build were cut by the chunker {cutting.name} of another release; this one has {CHUNKER_NAME}. "
            "Rebuild the corpus."
        )
    return Chunker(
        settings=ChunkingSettings(
            target_tokens=cutting.target_tokens,
            overlap_tokens=cutting.overlap_tokens,
            heading_prefix=cutting.heading_prefix,
        ),
        count_tokens=parts.count_tokens,
        max_tokens=parts.embedder.fingerprint.max_tokens,
    )
