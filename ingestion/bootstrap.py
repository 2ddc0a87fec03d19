"""What a worker is made of: the service's container, and the pipeline that prepares revisions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ingestion.chunking.chunker import Chunker
from ingestion.housekeeping import Housekeeping
from ingestion.jobs import JobRunner
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.sandbox import Sandbox
from ingestion.pipeline import PrepareRevision
from rag_service.bootstrap import Container, open_container
from rag_service.embedding.kept import KeptEmbedder
from rag_service.settings import Settings
from rag_service.use_cases.seal_draft import SealDraft


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker's parts."""

    container: Container
    vectors: KeptEmbedder
    runner: JobRunner
    housekeeping: Housekeeping


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[Worker]:
    """Open a worker with a container of its own."""
    async with open_container(settings) as container, worker_over(container) as worker:
        yield worker


@asynccontextmanager
async def worker_over(container: Container) -> AsyncIterator[Worker]:
    """Open a worker over a container that is open already: one process for everything, as tests like it."""
    settings = container.settings
    sandbox = Sandbox(limits=ParsingLimits(**settings.parsing.model_dump()))
    vectors = KeptEmbedder(embedder=container.embedder, kept=container.kept_vectors)
    chunker = Chunker(
        settings=settings.chunking,
        count_tokens=container.count_tokens,
        max_tokens=container.embedder.fingerprint.max_tokens,
    )
    prepare = PrepareRevision(
        catalog=container.catalog,
        blobs=container.blobs,
        parse=sandbox.parse,
        chunker=chunker,
        embedder=vectors,
        fingerprint=container.build.digest,
    )
    seal = SealDraft(
        catalog=container.catalog,
        index=container.index,
        vectors=vectors,
        sparse_encoder=container.sparse_encoder,
        clock=container.clock,
    )
    runner = JobRunner(
        catalog=container.catalog, prepare=prepare, seal=seal, clock=container.clock, settings=settings.jobs
    )
    housekeeping = Housekeeping(
        catalog=container.catalog, blobs=container.blobs, clock=container.clock, settings=settings.housekeeping
    )
    try:
        yield Worker(container=container, vectors=vectors, runner=runner, housekeeping=housekeeping)
    finally:
        await sandbox.close()
