"""FAISS on the processor: vectors and postings of each build in memory, rows in SQLite, one process per folder."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import faiss

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.domain.versions import OPEN
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Candidate, Point, PointState, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval.dense_structure import Place, stay
from rag_service.retrieval.faiss_build import FaissBuild, Structures
from rag_service.retrieval.faiss_dense import KindOrAuto
from rag_service.retrieval.faiss_folder import build_names, remove_leftovers
from rag_service.retrieval.faiss_probe import probe
from rag_service.retrieval.faiss_search import search_rows
from rag_service.retrieval.index_folder import build_folder, lock_folder, put_aside
from rag_service.retrieval.index_room import disk_errors
from rag_service.retrieval.unreadable_builds import UnreadableBuilds
from rag_service.retrieval.vector_checks import check_points, check_query, dimensions_of

_STATES_PER_PAGE = 1_000
_POINTS_PER_PAGE = 500
_ALL = 2**62


class FaissIndex:
    """VectorIndex over FAISS, for one process and one event loop; others use `IndexClient`.

    Raises:
        Misconfigured: at construction, when another process has the folder open, or the library ignores selectors.
    """

    def __init__(self, folder: Path, *, exact_below: int, kind: KindOrAuto = "auto", place: Place = stay) -> None:
        probe(place)
        self._lock = lock_folder(folder)
        self._folder = folder
        self._exact_below = exact_below
        self._builds: dict[Fingerprint, FaissBuild] = {}
        self._unreadable = UnreadableBuilds()
        self._dropping = asyncio.Lock()
        processors = os.cpu_count() or 1
        # The library's own threads would only wait for each other in a search; a rebuild leaves a processor to searches.
        self._searching = _threads("index-searches", processors, each_with=1)
        self._rebuilding = _threads("index-rebuilds", 1, each_with=max(1, processors - 1))
        self._structures = Structures(kind=kind, place=place, rebuilding=self._rebuilding)
        remove_leftovers(folder)

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        if not points:
            return
        build = self._build(fingerprint)
        check_points(points, dimensions=build.store.dimensions if build else dimensions_of(points))
        await (build or self._new_build(fingerprint, points)).write(points)

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        if build := self._build(fingerprint):
            await build.set_died(ids, at)

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        if build := self._build(fingerprint):
            await build.set_died(ids, OPEN)

    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        if build := self._build(fingerprint):
            await build.set_principals(ids, principals)

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        if build := self._build(fingerprint):
            await build.purge(ids)

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        if build := self._build(fingerprint):
            await build.remove_corpus(corpus_id)

    async def search(
        self, fingerprint: Fingerprint, query: QueryVectors, *, among: Visible, limit: int, exact: bool = False
    ) -> list[Candidate]:
        build = self._build(fingerprint)
        if build is None:
            return []
        check_query(query, dimensions=build.store.dimensions)
        exact_below = _ALL if exact else self._exact_below
        snapshot = await build.snapshot()
        work = partial(search_rows, snapshot, query, among=among, limit=limit, exact_below=exact_below)
        return await asyncio.get_running_loop().run_in_executor(self._searching, work)

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        build = self._build(fingerprint)
        if build is None:
            return {}
        snapshot = await build.snapshot()
        places = snapshot.remembered(ids)
        if others := [point_id for point_id in ids if point_id not in places]:
            # Where something was written since they were found. Half a millisecond while the file is in memory: in a
            # thread it would take as long.
            places |= snapshot.rows.places_of(build.store.rows_of(others))
        return snapshot.vectors_at(places)

    async def builds(self) -> dict[Fingerprint, int | None]:
        return self.counts()

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        build = self._build(fingerprint)
        return build.store.corpora() if build else {}

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
        return build.store.states(corpus_id, born_after=born_after, after=after, limit=_STATES_PER_PAGE)

    async def points(self, fingerprint: Fingerprint, *, after: PointId | None = None) -> AsyncIterator[Sequence[Point]]:
        while page := self.point_page(fingerprint, after=after):
            yield page
            after = page[-1].id

    def point_page(self, fingerprint: Fingerprint, *, after: PointId | None) -> list[Point]:
        """Return the next points of a build by point id, with vectors; none when there are no more."""
        build = self._build(fingerprint)
        return build.store.points(after=after, limit=_POINTS_PER_PAGE) if build else []

    async def optimise(self, fingerprint: Fingerprint) -> None:
        if build := self._build(fingerprint):
            await build.optimise()

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        if build := self._build(fingerprint):
            await build.compact()
        return []

    async def drop(self, fingerprint: Fingerprint) -> None:
        folder = build_folder(self._folder, fingerprint)
        with disk_errors("remove a build"):
            async with self._dropping:
                if build := self._builds.get(fingerprint):
                    await build.end()
                    # No await from here on: nobody may open the folder again before it is gone.
                    del self._builds[fingerprint]
                self._unreadable.forget(fingerprint)
                aside = put_aside(folder)
            if aside is not None:
                await asyncio.to_thread(shutil.rmtree, aside)

    def counts(self) -> dict[Fingerprint, int | None]:
        """Return how many points each build holds, dead ones too; None for one that cannot be opened or is damaged."""
        return {fingerprint: self._count(fingerprint) for fingerprint in build_names(self._folder)}

    def unindexed_count(self, fingerprint: Fingerprint) -> int:
        """Return how many points of a build wait for `optimise`."""
        build = self._build(fingerprint)
        return build.unstructured_count if build else 0

    def close(self) -> None:
        """Bring everything to disk and let others open the folder."""
        for build in self._builds.values():
            build.close()
        self._builds.clear()
        for threads in (self._searching, self._rebuilding):
            threads.shutdown(cancel_futures=True)
        self._lock.close()

    def _build(self, fingerprint: Fingerprint) -> FaissBuild | None:
        if fingerprint not in self._builds:
            folder = build_folder(self._folder, fingerprint)
            if not folder.is_dir():
                return None
            with self._unreadable.opening(fingerprint):
                self._builds[fingerprint] = FaissBuild(folder, self._structures)
        return self._builds[fingerprint]

    def _new_build(self, fingerprint: Fingerprint, points: Sequence[Point]) -> FaissBuild:
        folder = build_folder(self._folder, fingerprint)
        build = FaissBuild.create(folder, dimensions=dimensions_of(points), structures=self._structures)
        self._builds[fingerprint] = build
        return build

    def _count(self, fingerprint: Fingerprint) -> int | None:
        try:
            if (build := self._build(fingerprint)) is None:
                return 0
            count = build.count
        except IndexUnavailable:
            return None
        return None if build.store.damaged else count


def _threads(name: str, count: int, *, each_with: int) -> ThreadPoolExecutor:
    """Return threads in each of which the library uses so many threads of its own."""
    return ThreadPoolExecutor(
        count, thread_name_prefix=name, initializer=faiss.omp_set_num_threads, initargs=(each_with,)
    )
