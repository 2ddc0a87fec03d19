"""Large documents: several jobs embed their chunks, in whatever worker has time. See docs/adr/0019-fan-out.md."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from ingestion.chunked import Chunked
from ingestion.handlers import choose_first, fail_revision
from rag_service.domain.access import system_scope
from rag_service.domain.documents import embedded_text
from rag_service.domain.ids import Fingerprint, JobId
from rag_service.domain.jobs import Job, chunks_of, parts_of_preparation
from rag_service.domain.versions import Member
from rag_service.errors import LeaseLost, NotFound, RagError
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.embedder import TextVectors
from rag_service.ports.job_queue import JobQueue
from rag_service.reasons import ReasonCode

_STAGE = "embed"
_LARGE_PARTS = 2

_log = structlog.get_logger()


class SpreadDocument:
    """Keeps text and chunks of a large document, and has its chunks embedded by `part_chunks`."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        queue: JobQueue,
        fingerprint: Fingerprint,
        part_chunks: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._queue = queue
        self._fingerprint = fingerprint
        self._part_chunks = part_chunks
        self._clock = clock

    def is_large(self, document: Chunked) -> bool:
        """Say whether the document is worth several jobs."""
        return len(document.chunks) > _LARGE_PARTS * self._part_chunks

    async def __call__(self, document: Chunked) -> None:
        """Let the job go on in parts; one whose lease was lost meanwhile is left to its new holder."""
        job, now = document.job, self._clock()
        count, scope = len(document.chunks), system_scope(job.tenant_id)
        parts = parts_of_preparation(job, chunk_count=count, part_chunks=self._part_chunks, now=now)
        try:
            async with self._catalog.writing() as tx:
                # First, so that the row stays locked, and a worker that lost the lease writes nothing.
                await tx.jobs.spread(job, parts, stage=_STAGE, total=count, now=now)
                await tx.chunks.replace(scope, self._fingerprint, {document.member: document.chunks})
                await tx.documents.mark_read(scope, document.prepared)
        except LeaseLost:
            _log.info("lease_gone", job_id=job.id)
            return
        await self._queue.announce(parts)


class EmbedHandler:
    """Embeds the parts of large documents; the last one lets the document go on."""

    limit = 1
    choose = staticmethod(choose_first)

    def __init__(
        self, *, catalog: Catalog, embedder: TextVectors, fingerprint: Fingerprint, clock: Callable[[], datetime]
    ) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._fingerprint = fingerprint
        self._clock = clock

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Embed the chunks of each part."""
        for job in jobs:
            await self._run(job)
        return {}

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """Whatever happens here may pass."""
        return ReasonCode.INTERNAL, not isinstance(error, NotFound)

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Say in the revision why it failed: its job has ended with this part."""
        document_id, number, _ = chunks_of(job)
        await fail_revision(tx, job, document_id, number, reason=reason, detail=detail)

    async def _run(self, job: Job) -> None:
        document_id, number, places = chunks_of(job)
        scope = system_scope(job.tenant_id)
        async with self._catalog.reading() as tx:
            member = Member(document_id=document_id, revision=number)
            chunks = await tx.chunks.between(scope, self._fingerprint, member, places)
        if len(chunks) < len(places):
            _log.warning("chunks_of_another_build", job_id=job.id)  # sealing embeds what has no vector
        # The vectors are kept under the hash of their text, where sealing finds them.
        await self._embedder.embed(job.tenant_id, [embedded_text(chunk.headings, chunk.text) for chunk in chunks])
        async with self._catalog.writing() as tx:
            if await tx.jobs.finish_part(job, done=len(places), now=self._clock()) is not None:
                await tx.documents.mark_embedded(scope, document_id, number)
