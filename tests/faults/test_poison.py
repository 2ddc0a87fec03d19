"""A file that kills its parser gets three tries, then it is dead with a reason; everything else goes on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingestion.bootstrap import Worker, worker_over
from ingestion.handlers import RevisionHandler
from ingestion.jobs import JobRunner
from ingestion.loading import ReadFiles
from ingestion.parsing.isolation.sandbox import Sandbox
from ingestion.parsing.limits import ParsingLimits
from ingestion.pipeline import PrepareRevision
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.documents import Revision, RevisionState
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.reasons import ReasonCode
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings

SCOPE: AccessScope = system_scope(TenantId("tenant"))


@dataclass
class _Clock:
    """Waiting for another try takes no time."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now().astimezone() + self.ahead


@dataclass(frozen=True)
class _Shop:
    worker: Worker
    runner: JobRunner
    clock: _Clock

    async def upload(self, filename: str) -> Revision:
        async def pieces() -> AsyncIterator[bytes]:
            yield f"harmless words of {filename}".encode()

        container = self.worker.container
        stored = await container.store_file(SCOPE, filename=filename, purpose="assistants", content=pieces())
        accepted = await container.uploads.accept_file(SCOPE, corpus="books", file_id=stored.id, attributes={})
        return accepted.revision

    async def run(self) -> None:
        while await self.runner.run_next():
            self.clock.ahead += timedelta(hours=1)

    async def now(self, revision: Revision) -> tuple[Revision, Job]:
        async with self.worker.container.catalog.reading() as tx:
            fresh = await tx.documents.revision(SCOPE, revision.document_id, revision.number)
            [job] = await tx.jobs.of_subject(SCOPE, f"{revision.document_id}/{revision.number}")
        return fresh, job


@pytest.fixture
def timeout_s() -> float:
    """What a file may take that does not hang, however slow the machine."""
    return 60.0


@pytest.fixture
async def shop(migrated_dir: Path, timeout_s: float) -> AsyncIterator[_Shop]:
    settings = Settings(
        data_dir=migrated_dir,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(max_attempts=3),
    )
    limits = ParsingLimits(timeout_s=timeout_s, memory_bytes=256 * 2**20)
    sandbox, clock = Sandbox(limits=limits, module="tests.faults.evil_parser"), _Clock()
    async with open_container(settings) as container, worker_over(container) as worker:
        async with container.catalog.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        await container.create_corpus(SCOPE, name="books")
        yield _Shop(worker, _runner(worker, sandbox, clock), clock)
    await sandbox.close()


def _runner(worker: Worker, sandbox: Sandbox, clock: _Clock) -> JobRunner:
    usual, container = worker.prepare, worker.container
    prepare = PrepareRevision(
        catalog=container.catalog,
        read=ReadFiles(blobs=container.blobs, parse=sandbox.parse),
        chunker=usual._chunker,
        embedder=usual._embedder,
        fingerprint=usual._fingerprint,
        spread=usual._spread,
        progress=usual._progress,
        clock=clock,
    )
    handlers = {**worker.handlers, JobKind.PREPARE_REVISION: RevisionHandler(prepare)}
    return JobRunner(catalog=container.catalog, handlers=handlers, clock=clock, settings=container.settings.jobs)


@pytest.mark.parametrize(
    ("name", "reason", "timeout_s"),
    [
        ("segfault.txt", ReasonCode.PARSER_CRASHED, 60.0),
        ("hungry.txt", ReasonCode.PARSER_OUT_OF_MEMORY, 60.0),
        ("busy.txt", ReasonCode.PARSER_TIMEOUT, 5.0),
    ],
)
async def test_a_poison_file_is_dead_after_three_tries_and_its_neighbours_are_prepared(
    shop: _Shop, name: str, reason: ReasonCode
) -> None:
    good = [await shop.upload("before.txt")]
    poison = await shop.upload(name)
    good.append(await shop.upload("after.txt"))

    await shop.run()

    failed, job = await shop.now(poison)
    assert (failed.state, failed.reason) == (RevisionState.FAILED, reason)
    assert (job.state, job.attempts) == (JobState.DEAD, 3)
    assert {(await shop.now(revision))[0].state for revision in good} == {RevisionState.PREPARED}


async def test_uploads_after_a_poison_file_are_prepared(shop: _Shop) -> None:
    await shop.upload("segfault.txt")
    await shop.run()

    later = await shop.upload("later.txt")
    await shop.run()

    assert (await shop.now(later))[0].state is RevisionState.PREPARED
