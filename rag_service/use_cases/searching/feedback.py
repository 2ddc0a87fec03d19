"""What was found is looked at once more beside the two best passages: what is unlike them falls behind.

Pseudo-relevance feedback (Rocchio 1971; with dense vectors Li et al. 2021, "Pseudo Relevance Feedback with Deep
Language Models and Dense Retrievers"), over the candidates alone: nothing is searched a second time.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import Fingerprint, PointId
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
_LOOKED_AT = 30
# What is alike must tie, in whatever order an engine or a matrix product rounds.
_DECIMALS = 6

Likeness = Mapping[PointId, float]
"""By point: how much it is like the examples, 1 for the one most like them, 0 for the opposite."""


class Feedback:
    """Takes the two best passages for examples of what is wanted.

    The more the dense side counted in the fused scores, the more their likeness does, up to `feedback_weight`: a model
    that does not understand the question does not know either what is like its answer.

    The examples are those of the candidates, whose rights the catalog has not checked again yet: what was taken away a
    moment ago may still move others, and is not shown.
    """

    def __init__(self, *, index: VectorIndex, settings: RetrievalSettings, counts: SearchCounts) -> None:
        self._index = index
        self._settings = settings
        self._kept: QueryCache[Likeness] = QueryCache("feedback", entries=settings.cache_entries, counts=counts)
        # For each build its own: one that cannot be opened says nothing of the others.
        self._guards: defaultdict[Fingerprint, Guard] = defaultdict(lambda: Guard("index's vectors", IndexUnavailable))

    async def __call__(
        self, scope: AccessScope, pinned: PinnedVersion, fused: Fused, found: Found, *, deadline: Deadline
    ) -> Ranked | None:
        """Return all that was ranked in its new order, scores at most what they were; None when the index did not answer.

        What a stand-in found stays as it is: it is there to answer at all.

        Raises:
            IndexUnavailable: the index did not answer, and there is no deadline.
        """
        counts = self._settings.feedback_weight * fused.dense_weight > 0
        if found.by_stand_in or not counts or len(fused.ranked) <= _EXAMPLES:
            return fused.ranked
        try:
            alike = await self._likeness(scope, pinned, looked_at(fused), deadline)
        except IndexUnavailable as exc:
            if not deadline.is_set:
                raise
            _log.warning("search_without_feedback", reason=str(exc))
            return None
        return reordered(fused, alike, feedback_weight=self._settings.feedback_weight)

    async def _likeness(
        self, scope: AccessScope, pinned: PinnedVersion, points: Sequence[PointId], deadline: Deadline
    ) -> Likeness:
        within_s = deadline.share_s() if deadline.is_set else self._settings.timeout_s
        guard, fingerprint = self._guards[pinned.fingerprint], pinned.fingerprint

        async def look() -> Likeness:
            read = self._index.dense_vectors
            return likeness(points, await guard(lambda: read(fingerprint, points), within_s=within_s))

        # The vector of a point never changes: who finds the same points, by whatever words, shares what they are like.
        # Where one lacks, mending raises an epoch.
        epochs = (pinned.corpus.erasures, pinned.corpus.rights_epoch)
        return await self._kept.get(scope.tenant_id, (*epochs, fingerprint, "\n".join(points).encode()), look)


def looked_at(fused: Fused) -> list[PointId]:
    """Return the points whose vectors are wanted, the examples first."""
    return [candidate.point_id for candidate, _ in fused.ranked[:_LOOKED_AT]]


def likeness(points: Sequence[PointId], vectors: Mapping[PointId, DenseVector]) -> Likeness:
    """Return how much each of `points` is like the first of them; of those whose vectors are gone it says nothing."""
    there = [point for point in points if point in vectors]
    if not there:
        return {}
    directions = _of_length_one(np.stack([vectors[point] for point in there]))
    # An example is like itself, so the highest of the means is at least 0.
    cosines = (directions @ directions[:_EXAMPLES].T).mean(axis=1)
    shares = np.round((cosines + 1) / (cosines.max() + 1), _DECIMALS)
    return dict(zip(there, shares.tolist(), strict=True))


def reordered(fused: Fused, alike: Likeness, *, feedback_weight: float) -> Ranked:
    """Return what was ranked, each score lowered the less it is alike, but not below 0; ties by chunk id.

    What is not in `alike` is lowered as much as any: what was not looked at stays in its order, behind what was.
    """
    weight = feedback_weight * fused.dense_weight
    lowered = [
        (candidate, score - weight * (1 - alike.get(candidate.point_id, 0.0))) for candidate, score in fused.ranked
    ]
    lowered.sort(key=lambda pair: (-pair[1], pair[0].chunk_id))
    return [(candidate, max(0.0, score)) for candidate, score in lowered]


def _of_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    long = vectors.astype(np.float64)
    normal: NDArray[np.float64] = long / np.linalg.norm(long, axis=1, keepdims=True)
    return normal
