"""What a worker is made of: the service's container, and the pipeline that prepares revisions."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ingestion.byte_budget import ByteBudget
from ingestion.erasing import ErasureHandler
from ingestion.fan_out import EmbedHandler, SpreadDocument
from ingestion.filling import FillHandler, Rebuilds, open_chunker
from ingestion.handlers import DraftHandler, Handler, RevisionHandler
from ingestion.housekeeping import Housekeeping
from ingestion.jobs import JobRunner
from ingestion.lanes import LANES
from ingestion.loading import ReadFiles
from ingestion.parse_limits import parsing_limits
from ingestion.parsing.isolation.sandbox import Sandbox
from ingestion.pipeline import PrepareRevision
from ingestion.presence import Presence
from ingestion.progress import ProgressNotes
from ingestion.reconciling import Reconciling
from ingestion.rounds import Rounds
from ingestion.sources.bringing import BringItems
from ingestion.sources.copies import EraseSourceCopies, SourceCopies
from ingestion.sources.ending import EndRun
from ingestion.sources.fetching import Fetching
from ingestion.sources.handler import SourceHandler
from ingestion.sources.opening import OpenSources
from ingestion.sources.sync import OpenSource, SyncSource
from rag_service.bootstrap import Container, open_container
from rag_service.catalog.erasing.claims import ERASED
from rag_service.domain.jobs import JobKind
from rag_service.domain.work_queues import WorkQueue, kinds_of
from rag_service.embedding.kept import KeptEmbedder
from rag_service.settings import Settings
from rag_service.use_cases.erasing.carry_out_erasure import CarryOutErasure
from rag_service.use_cases.erasing.erase_files import EraseFiles
from rag_service.use_cases.erasing.erase_points import ErasePoints
from rag_service.use_cases.erasing.erase_rows import EraseRows
from rag_service.use_cases.erasing.erase_space import EraseSpace
from rag_service.use_cases.erasing.erase_vectors import EraseVectors
from rag_service.use_cases.fill_build import FillBuild
from rag_service.use_cases.seal_draft import SealDraft
from rag_service.use_cases.sources.due_runs import StartDueRuns
from rag_service.use_cases.unseal_draft import UnsealDraft
from rag_service.use_cases.write_version import WriteVersion

_LOOKS_PER_CHECK = 12
"""How often a worker looks whether a corpus is due: what became due meanwhile waits for a twelfth of the time at most."""


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
    rebuilds: Rebuilds
    source_schedule: Rounds
    index_checks: Rounds


@asynccontextmanager
async def open_worker(settings: Settings, queues: frozenset[WorkQueue] = frozenset(WorkQueue)) -> AsyncIterator[Worker]:
    """Open a worker with a container of its own, for the jobs of some queues."""
    async with open_container(settings) as container, worker_over(container, queues) as worker:
        yield worker


@asynccontextmanager
async def worker_over(
    container: Container, queues: frozenset[WorkQueue] = frozenset(WorkQueue)
) -> AsyncIterator[Worker]:
    """Open a worker over a container that is open already: one process for everything, as tests like it."""
    settings = container.settings
    # A reader per lane, so that a long document in one keeps nobody waiting in the other.
    sandbox = Sandbox(
        limits=parsing_limits(settings),
        children=sum(JobKind.PREPARE_REVISION in lane.kinds for lane in LANES),
    )
    vectors = KeptEmbedder(embedder=container.embedder, kept=container.kept_vectors)
    progress = ProgressNotes(catalog=container.catalog, clock=container.clock)
    prepare, revisions = _preparing(container, sandbox, vectors, progress)
    handlers = _handlers(container, revisions, vectors, progress)
    runner = JobRunner(catalog=container.catalog, handlers=handlers, clock=container.clock, settings=settings.jobs)
    presence = Presence(
        catalog=container.catalog,
        kinds=frozenset(handlers) & kinds_of(queues),
        clock=container.clock,
        every_s=settings.jobs.worker_heartbeat_s,
    )
    try:
        yield Worker(
            container=container,
            vectors=vectors,
            prepare=prepare,
            handlers=handlers,
            runner=runner,
            presence=presence,
            housekeeping=_housekeeping(container),
            reconciling=Reconciling(reconcile=container.reconcile, settings=settings.reconcile),
            rebuilds=Rebuilds(builds=container.builds, settings=settings.builds),
            source_schedule=_source_schedule(container),
            index_checks=_index_checks(container),
        )
    finally:
        await sandbox.close()


def _housekeeping(container: Container) -> Housekeeping:
    return Housekeeping(
        catalog=container.catalog,
        blobs=container.blobs,
        apply_retention=container.apply_retention,
        clock=container.clock,
        settings=container.settings.housekeeping,
    )


def _source_schedule(container: Container) -> Rounds:
    start = StartDueRuns(catalog=container.catalog, queue=container.queue, clock=container.clock)
    return Rounds(start, of="sources", every_s=container.settings.sources.check_every_s)


def _index_checks(container: Container) -> Rounds:
    every_s = container.settings.retrieval.check_every_s / _LOOKS_PER_CHECK
    return Rounds(container.check_indexes, of="index_checks", every_s=every_s)


def _preparing(
    container: Container, sandbox: Sandbox, vectors: KeptEmbedder, progress: ProgressNotes
) -> tuple[PrepareRevision, RevisionHandler]:
    settings = container.settings
    budget = ByteBudget(settings.work_dir / "reading", limit_bytes=settings.jobs.reading_bytes)
    prepare = PrepareRevision(
        catalog=container.catalog,
        read=ReadFiles(blobs=container.blobs, parse=sandbox.parse, taken=budget.taken),
        chunker=open_chunker(container.build_parts.own),
        embedder=vectors,
        fingerprint=container.build.digest,
        spread=SpreadDocument(
            catalog=container.catalog,
            queue=container.queue,
            fingerprint=container.build.digest,
            part_chunks=settings.jobs.part_chunks,
            clock=container.clock,
        ),
        progress=progress,
        clock=container.clock,
    )
    return prepare, RevisionHandler(prepare, has_room=budget.has_room)


def _handlers(
    container: Container, revisions: RevisionHandler, vectors: KeptEmbedder, progress: ProgressNotes
) -> dict[JobKind, Handler]:
    catalog, index, clock, build_parts = container.catalog, container.index, container.clock, container.build_parts
    write_version = WriteVersion(catalog=catalog, index=index, build_parts=build_parts, chunkers=open_chunker)
    unseal = UnsealDraft(catalog=catalog, index=index)
    seal = SealDraft(
        catalog=catalog,
        write_version=write_version,
        unseal=unseal,
        gate=container.publish_gate,
        clock=clock,
        settings=container.settings.jobs,
    )
    fill = FillBuild(catalog=catalog, index=index, build_parts=build_parts, chunkers=open_chunker, clock=clock)
    return {
        JobKind.PREPARE_REVISION: revisions,
        JobKind.EMBED_CHUNKS: EmbedHandler(
            catalog=catalog, embedder=vectors, fingerprint=container.build.digest, clock=clock
        ),
        JobKind.SEAL_DRAFT: DraftHandler(seal, catalog=catalog, progress=progress, clock=clock),
        JobKind.UNSEAL_DRAFT: DraftHandler(unseal, catalog=catalog, progress=progress, clock=clock),
        JobKind.ERASE: ErasureHandler(carry_out_over(container), catalog=catalog, clock=clock),
        JobKind.FILL_BUILD: FillHandler(fill, catalog=catalog, progress=progress, clock=clock),
        JobKind.SYNC_SOURCE: SourceHandler(
            sync_source_over(container), catalog=catalog, progress=progress, clock=clock
        ),
    }


def sync_source_over(container: Container, *, open_source: OpenSource | None = None) -> SyncSource:
    """Return what synchronises sources; tests open theirs in another way."""
    catalog, clock, settings = container.catalog, container.clock, container.settings
    max_bytes = settings.uploads.max_file_bytes
    if open_source is None:
        copies = SourceCopies(settings.source_dir)
        open_source = OpenSources(
            cipher=container.service_keys, copies=copies, settings=settings.sources, max_item_bytes=max_bytes
        )
    return SyncSource(
        catalog=catalog,
        open_source=open_source,
        bring=BringItems(catalog=catalog, uploads=container.uploads, keyed_hash=container.service_keys),
        end=EndRun(catalog=catalog, drafts=container.drafts, clock=clock),
        fetch_from=lambda connector: Fetching(connector=connector, store=container.store_file, max_bytes=max_bytes),
        keyed_hash=container.service_keys,
        clock=clock,
        settings=settings.sources,
    )


def carry_out_over(container: Container) -> CarryOutErasure:
    """Return what carries out erasures: with one eraser for each store, in the order in which they run."""
    catalog, index, clock = container.catalog, container.index, container.clock
    files = EraseFiles(catalog=catalog, blobs=container.blobs)
    rows = EraseRows(
        catalog=catalog,
        index=index,
        files=files,
        sparse_encoder=container.sparse_encoder,
        keyed_hash=container.service_keys,
        clock=clock,
        claims=ERASED,
    )
    space = EraseSpace(catalog=container.catalog_files)
    copies = EraseSourceCopies(SourceCopies(container.settings.source_dir))
    erasers = (rows, EraseVectors(catalog=catalog), ErasePoints(index=index), files, copies, space)
    return CarryOutErasure(
        catalog=catalog,
        files=container.catalog_files,
        erasers=erasers,
        signer=container.service_keys,
        clock=clock,
    )
