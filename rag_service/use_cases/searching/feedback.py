"""The best of what was found is looked at once more, beside each other: what stands alone falls behind.

Over the candidates alone: nothing is searched a second time.
"""

from collections import defaultdict
from collections.abc import Sequence

import structlog

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import Fingerprint, PointId
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import IndexUnavailable
from rag_service.ports.fusion import Fused, Ranked
from rag_service.ports.vector_index import VectorIndex
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.searching.affinity import EXAMPLES, Affinity, affinity, looked_at, reordered
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.find_candidates import Found
from rag_service.use_cases.searching.guard import Guard
from rag_service.use_cases.searching.query_cache import QueryCache

_log = structlog.get_logger()


class Feedback:
    """Orders the best passages by how they lie to each other too.

    The more the dense side counted in the fused scores, the more that does, up to `feedback_weight`: a model that does
    not understand the question does not know either what is like its answer.

    The examples are those of the candidates, whose rights the catalog has not checked again yet: what was taken away a
    moment ago may still move others, and is not shown.
    """

    def __init__(self, *, index: VectorIndex, settings: RetrievalSettings, counts: SearchCounts) -> None:
        self._index = index
        self._settings = settings
        self._kept: QueryCache[Affinity] = QueryCache("feedback", entries=settings.cache_entries, counts=counts)
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
        if found.by_stand_in or not counts or len(fused.ranked) <= EXAMPLES:
            return fused.ranked
        try:
            near = await self._affinity(scope, pinned, looked_at(fused), deadline)
        except IndexUnavailable as exc:
            if not deadline.is_set:
                raise
            _log.warning("search_without_feedback", reason=str(exc))
            return None
        return reordered(fused, near, feedback_weight=self._settings.feedback_weight)

    async def _affinity(
        self, scope: AccessScope, pinned: PinnedVersion, points: Sequence[PointId], deadline: Deadline
    ) -> Affinity:
        within_s = deadline.share_s() if deadline.is_set else self._settings.timeout_s
        guard, fingerprint = self._guards[pinned.fingerprint], pinned.fingerprint

        async def look() -> Affinity:
            read = self._index.dense_vectors
            return affinity(points, await guard(lambda: read(fingerprint, points), within_s=within_s))

        # The vector of a point never changes: who finds the same points, by whatever words, shares how they lie.
        # Where one lacks, mending raises an epoch.
        epochs = (pinned.corpus.erasures, pinned.corpus.rights_epoch)
        return await self._kept.get(scope.tenant_id, (*epochs, fingerprint, "\n".join(points).encode()), look)
