"""The real worker process is killed at any moment, and nothing is lost or doubled."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from rag_service.bootstrap import Container, open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import JobKind, JobState
from rag_service.domain.pages import PageRequest
from rag_service.domain.versions import OPEN, Corpus
from rag_service.settings import EmbeddingSettings, Settings
from tests.index_hosts import running_host
from tests.patience import PATIENCE_S, until

SCOPE: AccessScope = system_scope(TenantId("tenant"))
DOCUMENTS = 60
DIMENSIONS = "32"
PARTS = {"RAG_EMBEDDING__BACKEND": "hashing", "RAG_EMBEDDING__DIMENSIONS": DIMENSIONS}
# Short leases, so that what a killed worker held is taken up soon; attempts enough for every kill and slow renewal.
PACE = {"RAG_JOBS__LEASE_S": "1", "RAG_JOBS__POLL_S": "0.05", "RAG_JOBS__MAX_ATTEMPTS": "99"}


@pytest.fixture
def data_dir(migrated: Path) -> Iterator[Path]:
    with running_host(**PARTS) as host:
        shutil.copy(migrated, host.data_dir)
        yield host.data_dir


@asynccontextmanager
async def opened(data_dir: Path) -> AsyncIterator[Container]:
    settings = Settings(data_dir=data_dir, embedding=EmbeddingSettings(backend="hashing", dimensions=int(DIMENSIONS)))
    async with open_container(settings) as container:
        yield container


async def upload_all(container: Container) -> None:
    async with container.catalog.writing() as tx:
        await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
    await container.create_corpus(SCOPE, name="books")
    for number in range(DOCUMENTS):
        name, content = f"{number}.md", f"# Chapter {number}\n\nWhat it says, {number} times.".encode()
        stored = await container.store_file(SCOPE, filename=name, purpose="assistants", content=_pieces(content))
        await container.uploads.accept_file(SCOPE, corpus="books", file_id=stored.id, attributes={})


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


@contextmanager
def worker(data_dir: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    environ = {**os.environ, "RAG_DATA_DIR": str(data_dir), "RAG_LOG__LEVEL": "error", **PARTS, **PACE, **settings}
    process = subprocess.Popen([sys.executable, "-m", "ingestion.worker"], env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def job_states(container: Container) -> Counter[str]:
    """Return how many documents' jobs are in which state."""
    async with container.catalog.reading() as tx:
        listed = await tx.jobs.list(SCOPE, PageRequest(limit=100), kind=JobKind.PREPARE_REVISION)
    return Counter(job.state for job in listed.items)


async def begun(container: Container) -> bool:
    return (await job_states(container))[JobState.QUEUED] < DOCUMENTS


async def published(container: Container) -> Corpus:
    async def all_completed() -> bool:
        async with container.catalog.reading() as tx:
            corpus = await tx.corpora.get(SCOPE, "books")
            return (await tx.corpora.file_counts(SCOPE, corpus.id))["completed"] == DOCUMENTS

    await until(all_completed, "the documents were not published")
    async with container.catalog.reading() as tx:
        return await tx.corpora.get(SCOPE, "books")


async def test_a_worker_killed_at_any_moment_loses_nothing_and_doubles_nothing(data_dir: Path) -> None:
    moments = random.Random(7)  # noqa: S311  (not for secrets)
    async with opened(data_dir) as container:
        await upload_all(container)
        for _ in range(4):
            with worker(data_dir):
                await until(lambda: begun(container), "the worker did not begin")
                await asyncio.sleep(moments.uniform(0, 2))
        with worker(data_dir):
            corpus = await published(container)

        pages = container.index.states(corpus.fingerprint, corpus_id=corpus.id)
        points = [point async for page in pages for point in page]
        async with container.catalog.reading() as tx:
            members = await tx.versions.members(SCOPE, corpus.id, corpus.published)
            chunks = await tx.chunks.of_members(SCOPE, corpus.fingerprint, sorted(members))
        expected = sorted(chunk.id for of_member in chunks.values() for chunk in of_member)
        assert len(members) == DOCUMENTS
        assert sorted(point.chunk_id for point in points) == expected
        assert {point.died for point in points} == {OPEN}
        assert await job_states(container) == {JobState.SUCCEEDED: DOCUMENTS}


async def test_a_worker_that_is_asked_to_stop_gives_its_jobs_back(data_dir: Path) -> None:
    async with opened(data_dir) as container:
        await upload_all(container)
        with worker(data_dir, RAG_JOBS__LEASE_S="600") as process:
            await until(lambda: begun(container), "the worker did not begin")
            process.send_signal(signal.SIGTERM)

            assert process.wait(PATIENCE_S) == 0
        assert (await job_states(container))[JobState.RUNNING] == 0
