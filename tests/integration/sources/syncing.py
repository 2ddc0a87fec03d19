"""A corpus with a source whose content tests script, and runs of it to their end."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from ingestion.bootstrap import Worker, sync_source_over, worker_over
from ingestion.connectors.port import Connector, Item, ItemGone
from ingestion.progress import ProgressNotes
from ingestion.sources.handler import SourceHandler
from rag_service.bootstrap import open_container
from rag_service.catalog.tables import documents, revision_texts
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import RunId
from rag_service.domain.jobs import JobKind
from rag_service.domain.sync import OPEN_RUNS, Publishing, Source, SourceChange, SourceRun
from rag_service.errors import SourceUnavailable
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Section, Settings
from rag_service.use_cases.sources.manage import SourceChanges
from tests.integration.crashing import Fuse
from tests.integration.desk import Desk
from tests.integration.reading import read_here


@dataclass
class ScriptedSource:
    """A source that holds what a test puts in; it counts and, with a fuse, fails at its steps."""

    files: dict[str, str] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    down: bool = False
    revisions: dict[str, str] = field(default_factory=dict)
    fuse: Fuse = field(default_factory=Fuse)

    @asynccontextmanager
    async def __call__(self, source: Source, *, keep_copies: Callable[[], Awaitable[bool]]) -> AsyncIterator[Connector]:
        yield self

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        if self.down:
            raise SourceUnavailable("The source is down.")
        self.fuse.step()
        for key, text in self.files.items():
            sha1 = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            yield Item(
                key=key,
                filename=key.rsplit("/", 1)[-1],
                revision=self.revisions.get(key, sha1),
                size_bytes=len(text.encode()),
                content_id=sha1,
            )

    async def fetch(self, item: Item) -> AsyncIterator[bytes]:
        self.fetched.append(item.key)
        self.fuse.step()
        if item.key in self.gone:
            raise ItemGone
        if item.key in self.broken:
            raise SourceUnavailable("The disk is broken.")
        yield self.files[item.key].encode()


@dataclass(frozen=True, kw_only=True)
class SyncDesk(Desk):
    """A desk where documents come from sources, which a worker in this process synchronises."""

    source: str = "notes"

    async def set_up(self, kind: str = "folder", *, name: str | None = None, **given: object) -> Source:
        """Make a source; a scripted one needs no settings that are real."""
        publish = Publishing(str(given.pop("publish", "automatic")))
        every_s = given.pop("every_s", None)
        return await self.worker.container.sources.create(
            self.admin,
            corpus=self.corpus,
            name=name or self.source,
            kind=kind,
            given=SourceChanges(
                settings=given or {"path": "/scripted"},
                publish=publish,
                every_s=every_s if isinstance(every_s, int) else None,
            ),
        )

    def script(self, source: ScriptedSource) -> ScriptedSource:
        """Have every source of the worker opened as this one."""
        parts = self.worker.container
        handler = SourceHandler(
            sync_source_over(parts, open_source=source),
            catalog=parts.catalog,
            progress=ProgressNotes(catalog=parts.catalog, clock=parts.clock),
            clock=parts.clock,
        )
        self.worker.runner._handlers = {**self.worker.runner._handlers, JobKind.SYNC_SOURCE: handler}
        return source

    async def sync(self, *, dry_run: bool = False, force: bool = False, name: str | None = None) -> SourceRun:
        """Run the source until its run is over or held, and return that."""
        run, _ = await self.worker.container.sources.start_run(
            self.admin, corpus=self.corpus, source=name or self.source, dry_run=dry_run, force=force
        )
        return await self.finish(run.id)

    async def finish(self, run_id: RunId) -> SourceRun:
        """Let the worker do what is due until a run is over or held."""
        while (run := (await self.run(run_id))[0]).state in OPEN_RUNS:
            await self.work_off()
            await asyncio.sleep(0.01)
        return run

    async def run(self, run_id: RunId) -> tuple[SourceRun, list[SourceChange]]:
        """Return a run and its plan."""
        async with self.worker.container.catalog.reading() as tx:
            return await tx.source_runs.get(self.admin, run_id), await tx.source_runs.changes(self.admin, run_id)

    async def published(self) -> dict[str, str]:
        """Return the texts of the published documents by key."""
        parts = self.worker.container
        async with parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            members = await tx.versions.members(self.admin, corpus.id, corpus.published)
        texts = (
            sa.select(documents.c.key, revision_texts.c.document_id, revision_texts.c.revision, revision_texts.c.text)
            .join(documents, documents.c.id == revision_texts.c.document_id)
            .where(documents.c.corpus_id == corpus.id)
        )
        # All at once: there are tests with a thousand documents.
        async with parts.catalog._database.reading() as connection:
            rows = (await connection.execute(texts)).all()
        shown = {(member.document_id, member.revision) for member in members}
        found = {
            row.key: zlib.decompress(row.text).decode() for row in rows if (row.document_id, row.revision) in shown
        }
        assert len(found) == len(members)
        return found

    async def version(self) -> int:
        """Return the number of the published version."""
        async with self.worker.container.catalog.reading() as tx:
            return (await tx.corpora.get(self.admin, self.corpus)).published


def expected(files: Mapping[str, str], source: str = "notes") -> dict[str, str]:
    """Return what is to be published of files."""
    return {f"{source}:{key}": text for key, text in files.items()}


def settings_in(folder: Path, **sections: Section) -> Settings:
    """Return settings under which everything runs in this process, and nothing waits or is tried again."""
    return Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing"),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0, poll_s=0.01, max_attempts=1),
        **sections,
    )


@asynccontextmanager
async def worker_in(settings: Settings) -> AsyncIterator[Worker]:
    """Open a worker that reads files in this process."""
    async with open_container(settings) as container, worker_over(container) as opened:
        opened.prepare._read._parse = read_here
        yield opened


async def open_desk(worker: Worker, admin: AccessScope) -> SyncDesk:
    """Return a desk with an empty corpus."""
    desk = SyncDesk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    return desk
