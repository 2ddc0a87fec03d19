"""Prepares revisions: load, parse, chunk, embed, and write it all in one transaction.

Several small revisions are prepared together, because embedding one text at a time is slow.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from ingestion.chunked import Chunked
from ingestion.language import detect_language
from ingestion.loading import ReadFiles
from ingestion.progress import Notes, ProgressNotes
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.documents import ParsedDocument, Revision, embedded_text
from rag_service.domain.ids import Fingerprint, JobId, TenantId
from rag_service.domain.jobs import Job, revision_of
from rag_service.domain.versions import Member
from rag_service.errors import DocumentRejected, NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.chunker import CutsIntoChunks
from rag_service.ports.embedder import TextVectors

EMBED_SLICE = 256
"""Chunks embedded between two progress notes: bounds the memory their vectors take."""


class Spread(Protocol):
    """Has large documents embedded by several jobs."""

    def is_large(self, document: Chunked) -> bool:
        """Say whether the document is worth that."""

    async def __call__(self, document: Chunked) -> None:
        """Keep what was found in it, and leave its job to others."""


class PrepareRevision:
    """Makes uploaded revisions ready for a version. Every step can run twice; nothing shows before the last one."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        read: ReadFiles,
        chunker: CutsIntoChunks,
        embedder: TextVectors,
        fingerprint: Fingerprint,
        spread: Spread,
        progress: ProgressNotes,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._read = read
        self._chunker = chunker
        self._embedder = embedder
        self._fingerprint = fingerprint
        self._spread = spread
        self._progress = progress
        self._clock = clock

    async def __call__(self, jobs: Sequence[Job]) -> Mapping[JobId, DocumentRejected]:
        """Prepare the revisions of `jobs` and close these; return those that cannot be read, whose jobs stay open.

        The job of a large one goes on in parts. A job whose lease was lost meanwhile is left to its new holder.

        Raises:
            NotFound: a revision is gone.
            DependencyUnavailable: nothing was written.
        """
        revisions = await self._revisions(jobs)
        async with self._progress.of(jobs) as notes:
            return await self._prepare(jobs, revisions, notes)

    async def _prepare(
        self, jobs: Sequence[Job], revisions: Mapping[JobId, Revision], notes: Notes
    ) -> Mapping[JobId, DocumentRejected]:
        notes.set("parse", 0, None)
        sources = [(system_scope(job.tenant_id), revisions[job.id]) for job in jobs]
        outcomes = await self._read(sources, lambda done, total: notes.set("parse", done, total))
        rejected: dict[JobId, DocumentRejected] = {}
        readable: list[tuple[Job, ParsedDocument]] = []
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, DocumentRejected):
                rejected[job.id] = outcome
            else:
                readable.append((job, outcome))
        notes.set("chunk", 0, sum(parsed.page_count or 0 for _, parsed in readable) or None)
        chunked = await asyncio.to_thread(self._chunked, readable, revisions)
        for large in filter(self._spread.is_large, chunked):
            await self._spread(large)
        small = [one for one in chunked if not self._spread.is_large(one)]
        await self._embed(small, notes)
        await self._write(small)
        return rejected

    async def _revisions(self, jobs: Sequence[Job]) -> dict[JobId, Revision]:
        async with self._catalog.reading() as tx:
            found = await revisions_of(tx, jobs)
        for job in jobs:
            if job.id not in found:
                raise NotFound("revision", job.subject)
        return found

    def _chunked(
        self, readable: Sequence[tuple[Job, ParsedDocument]], revisions: Mapping[JobId, Revision]
    ) -> list[Chunked]:
        return [
            Chunked(
                job=job,
                revision=revisions[job.id],
                parsed=parsed,
                language=detect_language(parsed),
                chunks=self._chunker.chunks(
                    parsed,
                    build=self._fingerprint,
                    document_id=revisions[job.id].document_id,
                    revision=revisions[job.id].number,
                ),
            )
            for job, parsed in readable
        ]

    async def _embed(self, prepared: Sequence[Chunked], notes: Notes) -> None:
        texts: dict[TenantId, list[str]] = {}
        for one in prepared:
            texts.setdefault(one.job.tenant_id, []).extend(embedded_text(c.headings, c.text) for c in one.chunks)
        total = sum(len(of_tenant) for of_tenant in texts.values())
        done = 0
        for tenant_id, of_tenant in texts.items():
            for start in range(0, len(of_tenant), EMBED_SLICE):
                notes.set("embed", done, total)
                # The vectors are kept under the hash of their text, where sealing finds them.
                piece = of_tenant[start : start + EMBED_SLICE]
                await self._embedder.embed(tenant_id, piece)
                done += len(piece)

    async def _write(self, prepared: Sequence[Chunked]) -> None:
        if not prepared:
            return
        async with self._catalog.writing() as tx:
            # First, so that the rows stay locked, and a worker that lost a lease writes nothing of that job.
            held = await tx.jobs.succeed([one.job for one in prepared], now=self._clock())
            of_tenant: dict[TenantId, list[Chunked]] = {}
            for one in prepared:
                if one.job.id in held:
                    of_tenant.setdefault(one.job.tenant_id, []).append(one)
            for tenant_id, mine in of_tenant.items():
                await self._write_held(tx, system_scope(tenant_id), mine)

    async def _write_held(self, tx: Transaction, scope: AccessScope, held: Sequence[Chunked]) -> None:
        await tx.chunks.replace(scope, self._fingerprint, {one.member: one.chunks for one in held})
        await tx.documents.mark_prepared(scope, [one.prepared for one in held])


async def revisions_of(tx: Transaction, jobs: Sequence[Job]) -> dict[JobId, Revision]:
    """Return the revisions that PREPARE_REVISION jobs are about; jobs whose revision is gone are left out."""
    of_tenant: dict[TenantId, dict[Member, JobId]] = {}
    for job in jobs:
        with suppress(NotFound):
            document_id, number = revision_of(job)
            member = Member(document_id=document_id, revision=number)
            of_tenant.setdefault(job.tenant_id, {})[member] = job.id
    found: dict[JobId, Revision] = {}
    for tenant_id, ids in of_tenant.items():
        revisions = await tx.documents.revisions(system_scope(tenant_id), list(ids))
        found |= {ids[member]: revision for member, revision in revisions.items()}
    return found
