"""Checking the index of a desk's corpus, and planting what a check is to find."""

from rag_service.domain.access import system_scope
from rag_service.domain.index_checks import CheckFindings
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.index_tuning import IndexTuning
from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.edge_tuning import EdgeTuning
from rag_service.retrieval.exact_scan import FaissScan
from rag_service.use_cases.indexes.check_indexes import CheckIndexes
from rag_service.use_cases.indexes.check_recall import CheckRecall
from rag_service.use_cases.indexes.draw_sample import DrawSample
from rag_service.use_cases.indexes.read_health import IndexHealth
from rag_service.use_cases.indexes.scan_exactly import ScanExactly
from tests.integration.desk import Desk

ALWAYS_DUE_S = 1e-6


async def findings(desk: Desk, *, salt: str = "salt", has_scan: bool = True) -> CheckFindings:
    """Look at the published version, and keep and mend nothing."""
    container = desk.worker.container
    async with container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
    pinned = PinnedVersion(corpus=corpus, number=corpus.published, fingerprint=corpus.fingerprint)
    return await _check_recall(desk, has_scan=has_scan)(system_scope(desk.admin.tenant_id), pinned, salt=salt)


def rounds_over(desk: Desk, *, tuning: IndexTuning, index: VectorIndex | None = None) -> CheckIndexes:
    """Return rounds for which every corpus is due, over another index if given."""
    container = desk.worker.container
    return CheckIndexes(
        catalog=container.catalog,
        check_recall=_check_recall(desk, tuning=tuning, index=index),
        reconcile=container.reconcile,
        tuning=tuning,
        clock=container.clock,
        settings=container.settings.retrieval.model_copy(update={"check_every_s": ALWAYS_DUE_S}),
    )


async def index_health(desk: Desk) -> IndexHealth:
    """Return what an administrator is told."""
    return await desk.worker.container.index_health.of(desk.admin, corpus=desk.corpus)


async def lose_points(desk: Desk, count: int) -> None:
    """Remove points behind the back of the catalog."""
    container = desk.worker.container
    health = await index_health(desk)
    pages = container.index.states(health.corpus.fingerprint, corpus_id=health.corpus.id)
    ids = [state.id async for page in pages for state in page]
    await container.index.purge(health.corpus.fingerprint, ids[:count])


def _check_recall(
    desk: Desk, *, tuning: IndexTuning | None = None, index: VectorIndex | None = None, has_scan: bool = True
) -> CheckRecall:
    container = desk.worker.container
    scan = ScanExactly(catalog=container.catalog, kept=container.kept_vectors, scan=FaissScan())
    return CheckRecall(
        catalog=container.catalog,
        index=index or container.index,
        build_parts=container.build_parts,
        draw=DrawSample(catalog=container.catalog, clock=container.clock),
        scan=scan if has_scan else None,
        tuning=tuning or EdgeTuning(container.settings.index_dir),
        settings=container.settings.retrieval,
    )
