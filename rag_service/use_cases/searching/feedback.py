"""What was found is looked at once more beside the two best passages: what is unlike them falls behind.

Pseudo-relevance feedback (Rocchio 1971; with dense vectors Li et al. 2021, "Pseudo Relevance Feedback with Deep
Language Models and Dense Retrievers"), over the candidates alone: nothing is searched a second time.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import PointId
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import IndexUnavailable
from rag_service.ports.fusion import Fused, Ranked
from rag_service.ports.vector_index import VectorIndex
from rag_service.ports.vectors import DenseVector
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.find_candidates import Found
from rag_service.use_cases.searching.guard import Guard
from rag_service.use_cases.searching.query_cache import QueryCache

_log = structlog.get_logger()

# Measured: docs/adr/0033-relevance-feedback.md. One example may be wrong; three are about something else too often.
_EXAMPLES = 2
LOOKED_AT = 30
"""How many of the best are looked at; those behind them fall by as much as any, and stay behind."""
# What is alike must tie, in whatever order an engine or a matrix product rounds.
_DECIMALS = 6

Likeness = Mapping[PointId, float]
"""By point: how much it is like the examples, 1 for the one most like them, 0 for the opposite."""


class Feedback:
    """Takes the two best passages for examples of what is wanted.

    The more the dense side counted in the fused scores, the more their likeness does, up to `feedback_weight`: a model
    that does not understand the question does not know either what is like its answer.
    """

    def __init__(self, *, index: VectorIndex, settings: RetrievalSettings, counts: SearchCounts) -> None:
        self._index = index
        self._settings = settings
        self._kept: QueryCache[Likeness] = QueryCache("feedback", entries=settings.cache_entries, counts=counts)
        self._guard = Guard("index", IndexUnavailable)

    async def __call__(
        self, scope: AccessScope, pinned: PinnedVersion, fused: Fused, found: Found, *, deadline: Deadline
    ) -> Ranked | None:
        """Return all that was ranked in its new order, scores at most what they were; None when the index did not answer.

        Where a stand-in found it, the index is not asked again.

        Raises:
            IndexUnavailable: the index did not answer, and there is no deadline.
        """
        weight = self._settings.feedback_weight * fused.dense_weight
        if not weight or len(fused.ranked) <= _EXAMPLES:
            return fused.ranked
        if found.by_stand_in:
            return None
        looked_at = [candidate.point_id for candidate, _ in fused.ranked[:LOOKED_AT]]
        try:
            return reordered(fused.ranked, await self._likeness(scope, pinned, looked_at, deadline), weight)
        except IndexUnavailable as exc:
            if not deadline.is_set:
                raise
            _log.warning("search_without_feedback", reason=str(exc))
            return None

    async def _likeness(
        self, scope: AccessScope, pinned: PinnedVersion, points: Sequence[PointId], deadline: Deadline
    ) -> Likeness:
        within_s = deadline.share_s() if deadline.is_set else self._settings.timeout_s

        async def look() -> Likeness:
            read = self._index.dense_vectors
            return likeness(points, await self._guard(lambda: read(pinned.fingerprint, points), within_s=within_s))

        # The vector of a point never changes: who finds the same points, by whatever words, shares what they are like.
        key = (pinned.corpus.erasures, pinned.fingerprint, "\n".join(points).encode())
        return await self._kept.get(scope.tenant_id, key, look)


def likeness(points: Sequence[PointId], vectors: Mapping[PointId, DenseVector]) -> Likeness:
    """Return how much each of `points` is like the first of them; of those whose vectors are gone it says nothing."""
    there = [point for point in points if point in vectors]
    if not there:
        return {}
    directions = _of_length_one(np.stack([vectors[point] for point in there]))
    cosines = (directions @ directions[:_EXAMPLES].T).mean(axis=1)
    shares = np.round((cosines + 1) / (cosines.max() + 1), _DECIMALS)
    return dict(zip(there, shares.tolist(), strict=True))


def _of_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    long = vectors.astype(np.float64)
    normal: NDArray[np.float64] = long / np.linalg.norm(long, axis=1, keepdims=True)
    return normal


def reordered(ranked: Ranked, alike: Likeness, weight: float) -> Ranked:
    """Return what was ranked, each score lowered by up to `weight` the less it is alike, not below 0; ties by chunk id."""
    lowered = [
        (candidate, max(0.0, score - weight * (1 - alike.get(candidate.point_id, 0.0)))) for candidate, score in ranked
    ]
    return sorted(lowered, key=lambda pair: (-pair[1], pair[0].chunk_id))
