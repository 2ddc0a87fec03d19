"""The real product as a history drives it: one corpus of a tenant of its own."""

import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.documents import embedded_text
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.ids import DocumentId, Fingerprint, TenantId
from rag_service.domain.jobs import OPEN_STATES, Job, JobState
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.domain.retention import Retention
from rag_service.domain.uploads import CorpusFile
from rag_service.domain.versions import Corpus
from rag_service.errors import NotFound
from rag_service.ports.sparse_encoder import DocumentFrequencies, frequencies_of
from rag_service.use_cases.publish import Publish
from rag_service.use_cases.retention import ApplyRetention
from tests.integration.desk import Desk
from tests.laws.place import Place, Service

_DIMENSIONS = 16
_PAUSE = timedelta(seconds=10)
_ROUNDS = 30
_LIVE = frozenset(DraftState) - {DraftState.PUBLISHED, DraftState.DISCARDED}


@dataclass(kw_only=True)
class Driver:
    """A corpus, its people, and its worker."""

    place: Place
    corpus: str = "fruit"
    dimensions: int = _DIMENSIONS
    admin: AccessScope = field(default_factory=lambda: system_scope(TenantId(f"tenant-{uuid.uuid4().hex}")))
    documents: dict[str, DocumentId] = field(default_factory=dict)
    keys: dict[DocumentId, str] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        """The service that is there now."""
        return self.place.service(self.dimensions)

    @property
    def desk(self) -> Desk:
        """What people do there."""
        return Desk(worker=self.service.worker, admin=self.admin, corpus=self.corpus)

    @property
    def publish(self) -> Publish:
        """The switch, which fails where the fuse blows."""
        return Publish(catalog=self.service.catalog, clock=self.place.clock)

    async def begin(self) -> None:
        """Make the tenant and the corpus."""
        parts = self.service.parts
        async with parts.catalog.writing() as tx:
            await tx.keys.add_tenant(self.admin.tenant_id, "Tenant")
        await parts.create_corpus(self.admin, name=self.corpus)

    async def end(self) -> None:
        """Leave nothing to do to those who come after, however this ended."""
        catalog: Any = self.service.parts.catalog
        async with catalog._database.writing() as connection:
            for statement in (
                "DELETE FROM jobs",
                "UPDATE drafts SET state = 'discarded' WHERE state NOT IN ('published', 'discarded')",
            ):
                await connection.exec_driver_sql(statement)

    async def upload(self, key: str, text: str, *, draft: str | None = None) -> CorpusFile:
        """Upload a document and remember its id."""
        accepted = await self.desk.upload(key, text, draft=draft)
        self.documents[key] = accepted.revision.document_id
        self.keys[accepted.revision.document_id] = key
        return accepted

    async def delete(self, key: str) -> None:
        """Delete a document as people do: by the file that the list shows."""
        parts = self.service.parts
        page = PageRequest(limit=MAX_LIMIT)
        listed = await parts.list_corpus_files(self.admin, corpus=self.corpus, page=page, status=None)
        [revision] = [one.revision for one in listed.items if one.revision.document_id == self.documents[key]]
        await parts.remove_document(self.admin, corpus=self.corpus, file_id=revision.file_id)

    async def keep(self, *, versions: int, days: int) -> None:
        """Say how long versions are kept."""
        retention = Retention(versions=versions, days=days)
        await self.service.parts.retention.set(self.admin, corpus=self.corpus, retention=retention)

    async def apply_retention(self) -> None:
        """Remove what is too old; it fails where the fuse blows."""
        service = self.service
        apply = ApplyRetention(
            catalog=service.catalog, index=service.index, clock=self.place.clock, current=service.parts.build.digest
        )
        await apply(self.admin, (await self.read_corpus()).id)

    async def run_jobs(self) -> AsyncIterator[None]:
        """Do all there is to do; stop after each job."""
        runner = self.service.runner
        for _ in range(_ROUNDS):
            while await runner.enqueue_due_seals() or await runner.run_next():
                yield
            if not await self.jobs(OPEN_STATES):
                return
            self.place.clock.ahead += _PAUSE
        raise AssertionError("there are jobs that never end")

    async def jobs(self, states: frozenset[JobState]) -> Sequence[Job]:
        """Return the jobs in these states."""
        async with self.service.parts.catalog.reading() as tx:
            return (await tx.jobs.list(self.admin, PageRequest(limit=MAX_LIMIT), states=states)).items

    async def read_corpus(self) -> Corpus:
        """Return the corpus as it is now."""
        async with self.service.parts.catalog.reading() as tx:
            return await tx.corpora.get(self.admin, self.corpus)

    async def builds(self) -> list[Build]:
        """Return the builds of the corpus, oldest first."""
        async with self.service.parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            return list(await tx.builds.list(self.admin, corpus.id))

    async def is_filling(self) -> bool:
        """Say whether a build is not filled yet."""
        return any(build.state is BuildState.FILLING for build in await self.builds())

    async def build_of(self, number: int) -> Fingerprint | None:
        """Return the build that a version was sealed under; None when it was given up."""
        async with self.service.parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            with suppress(NotFound):
                return (await tx.versions.get(self.admin, corpus.id, number)).fingerprint
        return None

    async def stored(self) -> list[int]:
        """Return the numbers of the versions that are kept."""
        async with self.service.parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            return [version.number for version in await tx.retentions.versions(self.admin, corpus.id)]

    async def members(self, numbers: Collection[int]) -> dict[int, dict[str, int]]:
        """Return the members at each number."""
        async with self.service.parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            found = {number: await tx.versions.members(self.admin, corpus.id, number) for number in numbers}
        return {
            number: {self.keys[one.document_id]: one.revision for one in members} for number, members in found.items()
        }

    async def frequencies(self, number: int) -> tuple[DocumentFrequencies, DocumentFrequencies]:
        """Return how many chunks of a version have each word: as it was kept, and counted anew."""
        parts = self.service.parts
        async with parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            build = (await tx.versions.get(self.admin, corpus.id, number)).fingerprint
            kept = await tx.versions.frequencies(self.admin, corpus.id, number, build)
            members = sorted(await tx.versions.members(self.admin, corpus.id, number))
            chunks = await tx.chunks.of_members(self.admin, build, members)
        assert kept is not None
        texts = [embedded_text(chunk.headings, chunk.text) for of_member in chunks.values() for chunk in of_member]
        return kept, frequencies_of([parts.sparse_encoder.encode_passage(text) for text in texts])

    async def drafts(self) -> list[Draft]:
        """Return the live drafts."""
        async with self.service.parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            return await tx.drafts.list(self.admin, corpus.id, states=_LIVE)
