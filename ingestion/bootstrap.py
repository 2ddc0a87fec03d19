"""What a worker is made of: the service's container, and the pipeline that prepares revisions."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ingestion.chunking.chunker import Chunker
from ingestion.handlers import DraftHandler, Handler, RevisionHandler
from ingestion.housekeeping import Housekeeping
from ingestion.jobs import JobRunner
from ingestion.lanes import LANES
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.sandbox import Sandbox
from ingestion.pipeline import PrepareRevision
from ingestion.presence import Presence
from ingestion.progress import ProgressNotes
from ingestion.reconciling import Reconciling
from rag_service.bootstrap import Container, open_container
from rag_service.domain.jobs import JobKind
from rag_service.embedding.kept import KeptEmbedder
from rag_service.settings import Settings
from rag_service.use_cases.seal_draft import SealDraft
from rag_service.use_cases.unseal_draft import UnsealDraft
from rag_service.use_cases.version_points import WritePoints


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker's parts."""

    container: Container
    vectors: KeptEmbedder
    prepare: PrepareRevision
    handlers: Mapping[JobKind, Handler]
    runner: JobRunner
    presence: Presence
    housekeeping: Housekeeping
    reconciling: Reconciling


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[Worker]:
    """Open a worker with a container of its own."""
    async with open_container(settings) as container, worker_over(container) as worker:
        yield worker


@asynccontextmanager
async def worker_over(container: Container) -> AsyncIterator[Worker]:
    """Open a worker over a container that is open already: one process for everything, as tests like it."""
    settings = container.settings
    # A reader per lane, so that a long document in one keeps nobody waiting in the other.
    sandbox = Sandbox(limits=ParsingLimits(**settings.parsing.model_dump()), children=len(LANES))
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
        progress=ProgressNotes(catalog=container.catalog, clock=container.clock),
        clock=container.clock,
    )
    handlers = _handlers(container, prepare, vectors)
    runner = JobRunner(catalog=container.catalog, handlers=handlers, clock=container.clock, settings=settings.jobs)
    presence = Presence(
        catalog=container.catalog,
        kinds=frozenset(handlers),
        clock=container.clock,
        every_s=settings.jobs.worker_heartbeat_s,
    )
    housekeeping = Housekeeping(
        catalog=container.catalog, blobs=container.blobs, clock=container.clock, settings=settings.housekeeping
    )
    try:
        yield Worker(
            container=container,
            vectors=vectors,
            prepare=prepare,
            handlers=handlers,
            runner=runner,
            presence=presence,
            housekeeping=housekeeping,
            reconciling=Reconciling(reconcile=container.reconcile, settings=settings.reconcile),
        )
    finally:
        await sandbox.close()


def _handlers(container: Container, prepare: PrepareRevision, vectors: KeptEmbedder) -> dict[JobKind, Handler]:
    catalog, index, clock = container.catalog, container.index, container.clock
    write_points = WritePoints(catalog=catalog, index=index, vectors=vectors, sparse_encoder=container.sparse_encoder)
    unseal = UnsealDraft(catalog=catalog, index=index)
    seal = SealDraft(catalog=catalog, write_points=write_points, unseal=unseal, clock=clock)
    return {
        JobKind.PREPARE_REVISION: RevisionHandler(prepare),
        JobKind.SEAL_DRAFT: DraftHandler(seal, catalog=catalog, clock=clock),
        JobKind.UNSEAL_DRAFT: DraftHandler(unseal, catalog=catalog, clock=clock),
    }
