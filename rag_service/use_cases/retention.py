"""How long versions are kept, and the removal of those that need not be."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.ids import CorpusId, Fingerprint, PointId, point_id
from rag_service.domain.retention import MOST_KEPT, DroppedMembership, Retention, droppable
from rag_service.domain.versions import Corpus
from rag_service.errors import InvalidRequest
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.permissions import require

_MEMBERSHIPS_AT_ONCE = 256
_REVISIONS_AT_ONCE = 64
_CHUNKS_AT_ONCE = 4_000
"""Nobody else writes to the catalog meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """How long the versions of a corpus are kept, and which of those there are need not be kept now."""

    retention: Retention
    stored: int
    droppable: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What a round removed."""

    versions: int = 0
    points: int = 0
    revisions: int = 0
    builds: int = 0


NOTHING_DROPPED = Dropped()


class ManageRetention:
    """Retention of a corpus as content teams see and set it."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def read(self, scope: AccessScope, *, corpus: str) -> RetentionPlan:
        """Return what is kept, or raise NotFound."""
        require(scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            return await _plan(tx, scope, await tx.corpora.get(scope, corpus), self._clock())

    async def set(self, scope: AccessScope, *, corpus: str, retention: Retention) -> RetentionPlan:
        """Replace how long versions are kept; what is too old by then goes with the next round.

        Raises:
            NotFound: no such corpus, or the key may not publish.
            InvalidRequest: fewer than one version or a negative number of days.
        """
        require(scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        if not (1 <= retention.versions <= MOST_KEPT and 0 <= retention.days <= MOST_KEPT):
            raise InvalidRequest(f"Keep 1 to {MOST_KEPT} versions and 0 to {MOST_KEPT} days.", param="keep_versions")
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            await tx.retentions.keep(scope, target.id, retention)
            return await _plan(tx, scope, await tx.corpora.get(scope, target.id), self._clock())


class ApplyRetention:
    """Removes versions that need not be kept, and what only they needed.

    Order: nobody can ask a version any more, then its points go, then the texts. It can be cut short anywhere: a later
    round goes on, and points whose memberships are gone are orphans to the reconciler.
    """

    def __init__(
        self, *, catalog: Catalog, index: VectorIndex, clock: Callable[[], datetime], current: Fingerprint
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._clock = clock
        self._current = current

    async def __call__(self, scope: AccessScope, corpus_id: CorpusId) -> Dropped:
        """Make one round over a corpus. While a draft of it is being sealed or unsealed nothing happens."""
        act = system_scope(scope.tenant_id)
        versions = await self._drop_versions(act, corpus_id)
        points = await self._drop_points(act, corpus_id)
        builds = await self._drop_builds(act, corpus_id)
        return Dropped(
            versions=versions, points=points, builds=builds, revisions=await self._drop_revisions(act, corpus_id)
        )

    async def _drop_versions(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        async with self._catalog.writing() as tx:
            if await _is_moving(tx, scope, corpus_id):
                return 0
            plan = await _plan(tx, scope, await tx.corpora.get(scope, corpus_id), self._clock())
            await tx.retentions.drop_versions(scope, corpus_id, plan.droppable)
        return len(plan.droppable)

    async def _drop_points(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        purged = 0
        while True:
            async with self._catalog.writing() as tx:
                if await _is_moving(tx, scope, corpus_id):
                    return purged
                dropped = await tx.retentions.drop_memberships(scope, corpus_id, limit=_MEMBERSHIPS_AT_ONCE)
            for fingerprint, ids in _points_of(dropped).items():
                await self._index.purge(fingerprint, ids)
                purged += len(ids)
            if len(dropped) < _MEMBERSHIPS_AT_ONCE:
                return purged

    async def _drop_builds(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        dropped = 0
        while True:
            async with self._catalog.writing() as tx:
                if await _is_moving(tx, scope, corpus_id):
                    return dropped
                # The service's own build was filled on purpose, even if nobody has published it.
                unused = [name for name in await tx.retentions.unused_builds(scope, corpus_id) if name != self._current]
                if not unused:
                    return dropped
                is_gone = await tx.retentions.drop_build(scope, corpus_id, unused[0], limit=_CHUNKS_AT_ONCE)
            if is_gone:
                dropped += 1
                await self._index.remove_corpus(unused[0], corpus_id)
                # An erasure will not know later that the build had anything.
                await self._index.compact(unused[0])

    async def _drop_revisions(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        dropped = 0
        while True:
            async with self._catalog.writing() as tx:
                corpus = await tx.corpora.get(scope, corpus_id)
                old = self._clock() - timedelta(days=corpus.keep_days)
                count = await tx.retentions.drop_revisions(
                    scope, corpus_id, created_before=old, limit=_REVISIONS_AT_ONCE
                )
            dropped += count
            if count < _REVISIONS_AT_ONCE:
                return dropped


async def _plan(tx: Transaction, scope: AccessScope, corpus: Corpus, now: datetime) -> RetentionPlan:
    retention = Retention(versions=corpus.keep_versions, days=corpus.keep_days)
    stored = await tx.retentions.versions(scope, corpus.id)
    return RetentionPlan(
        retention=retention, stored=len(stored), droppable=tuple(droppable(stored, retention, now=now))
    )


async def _is_moving(tx: Transaction, scope: AccessScope, corpus_id: CorpusId) -> bool:
    return (await tx.points.slot(scope, corpus_id, hold=True)).moving is not None


def _points_of(dropped: Sequence[DroppedMembership]) -> dict[Fingerprint, list[PointId]]:
    ids: defaultdict[Fingerprint, list[PointId]] = defaultdict(list)
    for membership in dropped:
        for fingerprint, chunk_ids in membership.chunks.items():
            ids[fingerprint] += [point_id(chunk, membership.born) for chunk in chunk_ids]
    return dict(ids)
