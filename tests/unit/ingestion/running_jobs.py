"""A runner over an SQLite catalog whose handlers only note what they were given."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingestion.handlers import DraftHandler
from ingestion.jobs import JobRunner
from ingestion.lanes import Queue
from ingestion.progress import ProgressNotes
from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import DraftId, JobId, TenantId
from rag_service.domain.jobs import Job, JobKind, Priority, new_job
from rag_service.errors import RagError
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from rag_service.settings import JobSettings
from rag_service.use_cases.chunk_progress import OnChunks
from rag_service.use_cases.seal_plan import StillHeld

SCOPE: AccessScope = system_scope(TenantId("tenant"))
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Clocks:
    """A wall clock that jumps when told to, and one that only goes on."""

    wall: datetime = START
    monotonic_s: float = 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.monotonic_s

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    def jump(self, hours: float) -> None:
        self.wall += timedelta(hours=hours)


@dataclass
class Recorder:
    """A handler that closes each job it is given; `error` is raised instead when it is set."""

    catalog: SqlCatalog
    clocks: Clocks
    ran: list[str] = field(default_factory=list)
    error: Exception | None = None
    limit: int = 1

    async def choose(self, tx: Transaction, due: Sequence[Job], queue: Queue) -> Sequence[Job]:
        return due

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        if self.error is not None:
            raise self.error
        async with self.catalog.writing() as tx:
            held = await tx.jobs.succeed(jobs, now=self.clocks.now())
        self.ran.extend(job.subject for job in jobs if job.id in held)
        return {}

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        return ReasonCode.INTERNAL, True

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        self.ran.append(f"buried {job.subject}")


@dataclass
class Seal:
    """Stands for the use case that seals: raises `error` when it is set, and stops on the way while it may not go on."""

    error: Exception | None = None
    sealed: list[DraftId] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    async def __call__(
        self, scope: AccessScope, draft_id: DraftId, *, still_held: StillHeld, on_chunks: OnChunks
    ) -> None:
        await still_held()
        if self.error is not None:
            raise self.error
        self.begun.set()
        await self.go_on.wait()
        self.sealed.append(draft_id)


@dataclass
class Shop:
    """Everything of one worker."""

    catalog: SqlCatalog
    clocks: Clocks
    prepare: Recorder
    seal: Seal
    settings: JobSettings

    def runner(self, clocks: Clocks | None = None) -> JobRunner:
        """Return another worker, with clocks of its own if these are given."""
        own = clocks or self.clocks
        drafts = DraftHandler(
            self.seal,
            catalog=self.catalog,
            progress=ProgressNotes(catalog=self.catalog, clock=own.now),
            clock=own.now,
        )
        return JobRunner(
            catalog=self.catalog,
            handlers={
                **dict.fromkeys(JobKind, self.prepare),
                JobKind.SEAL_DRAFT: drafts,
                JobKind.UNSEAL_DRAFT: drafts,
            },
            clock=own.now,
            settings=self.settings,
            monotonic=own.monotonic,
            jitter=lambda: 1.0,
        )

    async def add(
        self,
        subject: str,
        kind: JobKind = JobKind.PREPARE_REVISION,
        *,
        priority: Priority = Priority.BULK,
    ) -> JobId:
        job = new_job(SCOPE.tenant_id, kind, subject, now=self.clocks.now(), priority=priority)
        async with self.catalog.writing() as tx:
            return (await tx.jobs.add(job)).id

    async def job(self, job_id: JobId) -> Job:
        async with self.catalog.reading() as tx:
            return await tx.jobs.get(SCOPE, job_id)

    async def claim(self) -> Job:
        """Take the next job as a worker would that dies at once."""
        async with self.catalog.writing() as tx:
            due = await tx.jobs.due(tuple(JobKind), now=self.clocks.now(), limit=1)
            lease = timedelta(seconds=self.settings.lease_s)
            [taken] = await tx.jobs.claim(due, now=self.clocks.now(), lease=lease)
        return taken


@asynccontextmanager
async def open_shop(folder: Path, **settings: float) -> AsyncIterator[Shop]:
    """Open the migrated catalog in `folder` with one tenant, and what works on it."""
    clocks = Clocks()
    async with open_catalog(f"sqlite+aiosqlite:///{folder}/catalog.db", clock=clocks.now) as catalog:
        async with catalog.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        yield Shop(
            catalog=catalog,
            clocks=clocks,
            prepare=Recorder(catalog, clocks),
            seal=Seal(),
            settings=JobSettings().model_copy(update=settings),
        )


def another(clocks: Clocks) -> Clocks:
    """Return clocks that show the same and go on by themselves."""
    return replace(clocks)
