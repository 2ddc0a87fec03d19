"""Latency and recall of searches, against exact scans of the same vectors."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import Fingerprint
from rag_service.ports.fusion import Ranked
from rag_service.ports.vector_index import Candidate, VectorIndex, Visible
from rag_service.ports.vectors import QueryVectors
from rag_service.retrieval.fusion import fuse
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.searching.affinity import affinity, looked_at, reordered
from tests.bench.million.made_chunks import CORPUS, SHARES, TENANT, VERSIONS, MadeChunks, chunk_name, group_of

BUILD = Fingerprint("0" * 32)
CANDIDATES = 100
"""Of each side, as the service asks for."""

_SETTINGS = RetrievalSettings()
_SHOWN = 10
_WARM = 50


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """A filter: the version that is asked, and the group of who asks; None for who sees everything."""

    version: int = VERSIONS
    share: float | None = None

    @property
    def selectivity(self) -> float:
        """The share of chunks that match."""
        return self.version / VERSIONS * (1.0 if self.share is None else self.share)

    def among(self) -> Visible:
        """Return it as the index is asked."""
        seen = frozenset() if self.share is None else frozenset({group_of(self.share)})
        scope = AccessScope(
            tenant_id=TENANT, principals=seen, permissions=frozenset(), sees_all_documents=self.share is None
        )
        return Visible(scope=scope, corpus_id=CORPUS, version=self.version)

    def rows(self, chunks: MadeChunks, count: int) -> NDArray[np.int64]:
        """Return the numbers of the chunks that match."""
        matches = chunks.born[:count] <= self.version
        if self.share is not None:
            matches &= chunks.groups[:count, SHARES.index(self.share)]
        return np.flatnonzero(matches)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds of each search until both sides had found, and until all was in order; recall@10 of the dense side."""

    narrowed: Narrowed
    found_s: Sequence[float]
    ordered_s: Sequence[float]
    recall: float


async def measure(
    index: VectorIndex, chunks: MadeChunks, count: int, queries: Sequence[QueryVectors], narrowed: Narrowed
) -> Measured:
    """Ask one query after the other."""
    among = narrowed.among()
    for query in queries[:_WARM]:
        await find(index, query, among)
    found_s, ordered_s, found = [], [], []
    for query in queries:
        started = time.perf_counter()
        candidates = await find(index, query, among)
        found_s.append(time.perf_counter() - started)
        await put_in_order(index, candidates)
        ordered_s.append(time.perf_counter() - started)
        found.append(candidates)
    recall = _recall(chunks, narrowed.rows(chunks, count), queries, found)
    return Measured(narrowed=narrowed, found_s=found_s, ordered_s=ordered_s, recall=recall)


def percentiles(seconds: Sequence[float]) -> str:
    """Return p50 and p95 in words."""
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return f"p50 {p50:5.1f} p95 {p95:5.1f} ms"


async def find(index: VectorIndex, query: QueryVectors, among: Visible) -> list[Candidate]:
    """Return the best candidates of both sides."""
    return await index.search(BUILD, query, among=among, limit=CANDIDATES)


async def put_in_order(index: VectorIndex, candidates: Sequence[Candidate]) -> Ranked:
    """Fuse them, and look at the best once more beside each other, as the service does."""
    fused = fuse(candidates, dense_weight=_SETTINGS.dense_weight)
    points = looked_at(fused)
    near = affinity(points, await index.dense_vectors(BUILD, points))
    return reordered(fused, near, feedback_weight=_SETTINGS.feedback_weight)


def _recall(
    chunks: MadeChunks, rows: NDArray[np.int64], queries: Sequence[QueryVectors], found: Sequence[list[Candidate]]
) -> float:
    """Return the mean share of the ten nearest of `rows` among the ten nearest that were found."""
    wanted = _nearest(chunks, rows, np.stack([query.dense for query in queries if query.dense is not None]))
    hits = [
        len({chunk_name(at) for at in best} & set(_ten_nearest(candidates))) / len(best)
        for best, candidates in zip(wanted, found, strict=True)
    ]
    return float(np.mean(hits))


def _ten_nearest(candidates: list[Candidate]) -> list[str]:
    return [each.chunk_id for each in sorted(candidates, key=lambda each: -each.dense_score)[:_SHOWN]]


def _nearest(chunks: MadeChunks, rows: NDArray[np.int64], queries: NDArray[np.float32]) -> list[list[int]]:
    _, places = faiss.knn(queries, chunks.dense[rows], min(_SHOWN, len(rows)), metric=faiss.METRIC_INNER_PRODUCT)
    return [rows[each].tolist() for each in places]
