"""The Qdrant engine as a library: one shard per build, one process per folder."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.domain.versions import OPEN
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Candidate, Point, PointState, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval import edge_schema
from rag_service.retrieval.batches import batches
from rag_service.retrieval.edge_build import EdgeBuild
from rag_service.retrieval.edge_folder import fingerprints, remove_leftovers
from rag_service.retrieval.index_folder import build_folder, lock_folder, put_aside
from rag_service.retrieval.index_room import disk_errors
from rag_service.retrieval.unreadable_builds import UnreadableBuilds
from rag_service.retrieval.vector_checks import check_points, dimensions_of

# One operation stops every search for as long as it runs: about 50 ms with these.
_POINTS_PER_OPERATION = 256
_IDS_PER_OPERATION = 500
_REMOVED_PER_OPERATION = 4_096
_STATES_PER_PAGE = 1_000
_POINTS_PER_PAGE = 500
_ALL = 2**62


class EdgeIndex:
    """VectorIndex over Qdrant Edge, for one process and one event loop; others use `IndexClient`.

    Raises:
        Misconfigured: at construction, when another process has the folder open.
    """

    def __init__(self, folder: Path, *, exact_below: int) -> None:
        self._lock = lock_folder(folder)
        self._folder = folder
        self._exact_below = exact_below
        self._builds: dict[Fingerprint, EdgeBuild] = {}
        self._unreadable = UnreadableBuilds()
        self._dropping = asyncio.Lock()
        remove_leftovers(folder)

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        if not points:
            return
        build = self._build(fingerprint)
        check_points(points, dimensions=build.shard.dimensions if build else dimensions_of(points))
        operations = [edge_schema.upsert(batch) for batch in batches(points, _POINTS_PER_OPERATION)]
        await (build or self._new_build(fingerprint, points)).apply(operations)

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        await self._set_died(fingerprint, ids, at)

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        await self._set_died(fingerprint, ids, OPEN)

    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        if build := self._build(fingerprint):
            operations = [edge_schema.set_principals(batch, principals) for batch in batches(ids, _IDS_PER_OPERATION)]
            await build.apply(operations)

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        if build := self._build(fingerprint):
            await build.apply([edge_schema.purge(batch) for batch in batches(ids, _IDS_PER_OPERATION)])

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        if build := self._build(fingerprint):
            parts = -(-build.shard.count_of(corpus_id) // _REMOVED_PER_OPERATION)
            await build.apply(edge_schema.purge_corpus(corpus_id, parts=parts))

    async def search(
        self, fingerprint: Fingerprint, query: QueryVectors, *, among: Visible, limit: int, exact: bool = False
    ) -> list[Candidate]:
        build = self._build(fingerprint)
        if build is None or not among.scope.covers(among.corpus_id):
            return []
        exact_below = _ALL if exact else self._exact_below
        return build.search(query, among=among, limit=limit, exact_below=exact_below)

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        build = self._build(fingerprint)
        return build.shard.dense_vectors(ids) if build else {}

    async def builds(self) -> dict[Fingerprint, int | None]:
        return self.counts()

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        build = self._build(fingerprint)
        return build.shard.corpora() if build else {}

    async def states(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int = -1
    ) -> AsyncIterator[Sequence[PointState]]:
        after = None
        while page := self.state_page(fingerprint, corpus_id=corpus_id, born_after=born_after, after=after):
            yield page
            after = page[-1].id

    def state_page(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int, after: PointId | None
    ) -> list[PointState]:
        """Return the next points of a corpus by point id; none when there are no more."""
        build = self._build(fingerprint)
        if build is None:
            return []
        page = build.shard.states(corpus_id, born_after=born_after, start=after, limit=_STATES_PER_PAGE)
        return page[1:] if page and page[0].id == after else page

    async def points(self, fingerprint: Fingerprint, *, after: PointId | None = None) -> AsyncIterator[Sequence[Point]]:
        while page := self.point_page(fingerprint, after=after):
            yield page
            after = page[-1].id

    def point_page(self, fingerprint: Fingerprint, *, after: PointId | None) -> list[Point]:
        """Return the next points of a build by point id, with vectors; none when there are no more."""
        build = self._build(fingerprint)
        if build is None:
            return []
        page = build.shard.points(start=after, limit=_POINTS_PER_PAGE)
        return page[1:] if page and page[0].id == after else page

    async def optimise(self, fingerprint: Fingerprint) -> None:
        if build := self._build(fingerprint):
            await build.optimise(exact_below=self._exact_below)

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        if build := self._build(fingerprint):
            await build.compact(exact_below=self._exact_below)
        return []

    async def drop(self, fingerprint: Fingerprint) -> None:
        folder = build_folder(self._folder, fingerprint)
        with disk_errors("remove a build"):
            async with self._dropping:
                self._unreadable.forget(fingerprint)
                aside = await self._put_aside(fingerprint, folder)
            if aside is not None:
                await asyncio.to_thread(shutil.rmtree, aside)

    def counts(self) -> dict[Fingerprint, int | None]:
        """Return how many points each build holds, dead ones too; None for one that cannot be opened."""
        return {fingerprint: self._count(fingerprint) for fingerprint in fingerprints(self._folder)}

    def unindexed_count(self, fingerprint: Fingerprint) -> int:
        """Return about how many points of a build wait for `optimise`."""
        build = self._build(fingerprint)
        return build.shard.unindexed_count() if build else 0

    def close(self) -> None:
        """Bring everything to disk and let others open the folder."""
        for build in self._builds.values():
            build.close()
        self._builds.clear()
        self._lock.close()

    async def _put_aside(self, fingerprint: Fingerprint, folder: Path) -> Path | None:
        # A build that cannot be opened is no less to be removed.
        build = self._builds.get(fingerprint)
        if build is None:
            return put_aside(folder)
        async with build.ended():
            # No await in here: nobody may open the folder again before it is gone.
            del self._builds[fingerprint]
            return put_aside(folder)

    async def _set_died(self, fingerprint: Fingerprint, ids: Sequence[PointId], died: int) -> None:
        if build := self._build(fingerprint):
            await build.apply([edge_schema.set_died(batch, died) for batch in batches(ids, _IDS_PER_OPERATION)])

    def _build(self, fingerprint: Fingerprint) -> EdgeBuild | None:
        if fingerprint not in self._builds:
            with self._unreadable.opening(fingerprint):
                build = EdgeBuild.open(build_folder(self._folder, fingerprint))
            if build is None:
                return None
            self._builds[fingerprint] = build
        return self._builds[fingerprint]

    def _new_build(self, fingerprint: Fingerprint, points: Sequence[Point]) -> EdgeBuild:
        self._builds[fingerprint] = EdgeBuild.create(
            build_folder(self._folder, fingerprint), dimensions=dimensions_of(points), exact_below=self._exact_below
        )
        return self._builds[fingerprint]

    def _count(self, fingerprint: Fingerprint) -> int | None:
        try:
            build = self._build(fingerprint)
            return build.shard.count() if build else 0
        except IndexUnavailable:
            return None
