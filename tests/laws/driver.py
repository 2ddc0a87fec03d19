"""The real product as the machine drives it: SQLite, the memory index, and a worker that is told when to work."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

from ingestion.bootstrap import Worker, worker_over
from ingestion.handlers import DraftHandler
from ingestion.jobs import JobRunner
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.read import read_document
from ingestion.parsing.sandbox import Outcome, RawFile
from rag_service.bootstrap import open_container
from rag_service.catalog.sql_catalog import utc_now
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.documents import ParsedDocument
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.ids import DocumentId, TenantId
from rag_service.domain.jobs import OPEN_STATES, Job, JobKind, JobState
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.domain.versions import Corpus
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from rag_service.use_cases.publish import Publish
from tests.integration.crashing import CrashingCatalog, CrashingIndex, Fuse
from tests.integration.desk import Desk

ADMIN: AccessScope = system_scope(TenantId("tenant"))
_PAUSE = timedelta(seconds=10)
_ROUNDS = 30
_LIVE = frozenset(DraftState) - {DraftState.PUBLISHED, DraftState.DISCARDED}


@dataclass
class Clock:
    """Time goes on as always, and in leaps, so that nobody waits for a job that pauses."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Return the time."""
        return utc_now() + self.ahead


@dataclass(kw_only=True)
class Driver:
    """A corpus and its worker, whose seals fail where the fuse blows."""

    desk: Desk
    runner: JobRunner
    clock: Clock
    fuse: Fuse
    publish: Publish
    documents: dict[str, DocumentId] = field(default_factory=dict)

    async def upload(self, key: str, text: str, *, draft: str | None = None) -> None:
        """Upload a document and remember its id."""
        accepted = await self.desk.upload(key, text, draft=draft)
        self.documents[key] = accepted.revision.document_id

    async def delete(self, key: str) -> None:
        """Delete a document as people do: by the file that the list shows."""
        parts = self.desk.worker.container
        page = PageRequest(limit=MAX_LIMIT)
        listed = await parts.list_corpus_files(ADMIN, corpus=self.desk.corpus, page=page, status=None)
        [revision] = [one.revision for one in listed.items if one.revision.document_id == self.documents[key]]
        await parts.remove_document(ADMIN, corpus=self.desk.corpus, file_id=revision.file_id)

    async def run_jobs(self) -> AsyncIterator[None]:
        """Do all there is to do; stop after each job."""
        for _ in range(_ROUNDS):
            while await self.runner.enqueue_due_seals() or await self.runner.run_next():
                yield
            if not await self.jobs(OPEN_STATES):
                return
            self.clock.ahead += _PAUSE
        raise AssertionError("there are jobs that never end")

    async def jobs(self, states: frozenset[JobState]) -> Sequence[Job]:
        """Return the jobs in these states."""
        async with self.desk.worker.container.catalog.reading() as tx:
            return (await tx.jobs.list(ADMIN, PageRequest(limit=MAX_LIMIT), states=states)).items

    async def corpus(self) -> Corpus:
        """Return the corpus as it is now."""
        async with self.desk.worker.container.catalog.reading() as tx:
            return await tx.corpora.get(ADMIN, self.desk.corpus)

    async def members(self, highest: int) -> list[dict[str, int]]:
        """Return the members at each number up to `highest`."""
        keys = {document_id: key for key, document_id in self.documents.items()}
        async with self.desk.worker.container.catalog.reading() as tx:
            corpus = await tx.corpora.get(ADMIN, self.desk.corpus)
            found = [await tx.versions.members(ADMIN, corpus.id, number) for number in range(highest + 1)]
        return [{keys[one.document_id]: one.revision for one in members} for members in found]

    async def drafts(self) -> list[Draft]:
        """Return the live drafts."""
        async with self.desk.worker.container.catalog.reading() as tx:
            corpus = await tx.corpora.get(ADMIN, self.desk.corpus)
            return await tx.drafts.list(ADMIN, corpus.id, states=_LIVE)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Driver]:
    """Open an empty corpus."""
    settings = Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=64),
        retrieval=RetrievalSettings(backend="memory", exact=True),
        # Long enough for all uploads of one step to be prepared first.
        jobs=JobSettings(draft_patience_s=86_400),
    )
    clock, fuse = Clock(), Fuse()
    async with open_container(settings) as container, worker_over(replace(container, clock=clock)) as worker:
        worker.prepare._parse = _read_here
        async with container.catalog.writing() as tx:
            await tx.keys.add_tenant(ADMIN.tenant_id, "Tenant")
        desk = Desk(worker=worker, admin=ADMIN)
        await container.create_corpus(ADMIN, name=desk.corpus)
        catalog = CrashingCatalog(inner=container.catalog, fuse=fuse)
        yield Driver(
            desk=desk,
            runner=_runner(worker, desk, catalog, CrashingIndex(inner=container.index, fuse=fuse), clock),
            clock=clock,
            fuse=fuse,
            publish=Publish(catalog=catalog, clock=clock),
        )


def _runner(worker: Worker, desk: Desk, catalog: CrashingCatalog, index: CrashingIndex, clock: Clock) -> JobRunner:
    sealing, unsealing = (make(catalog=catalog, index=index) for make in (desk.sealing, desk.unsealing))
    handlers = {
        **worker.handlers,
        JobKind.SEAL_DRAFT: DraftHandler(sealing, catalog=catalog, clock=clock),
        JobKind.UNSEAL_DRAFT: DraftHandler(unsealing, catalog=catalog, clock=clock),
    }
    parts = worker.container
    return JobRunner(catalog=parts.catalog, handlers=handlers, clock=clock, settings=parts.settings.jobs)


async def _read_here(files: Sequence[RawFile]) -> list[Outcome]:
    """Read files without a process of its own: what they say is ours."""
    return [_read(file) for file in files]


def _read(file: RawFile) -> ParsedDocument:
    assert isinstance(file.content, bytes)
    return read_document(BytesIO(file.content), file.filename, ParsingLimits())
