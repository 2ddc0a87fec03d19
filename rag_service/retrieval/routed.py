"""The index as the service uses it while the engine behind it may be exchanged."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence

import structlog

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.domain.index_route import IndexRoute, RouteState
from rag_service.errors import RagError
from rag_service.ports.engines import Engines
from rag_service.ports.vector_index import Candidate, Point, PointState, VectorIndex, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval.compared_searches import ComparedSearches
from rag_service.retrieval.follower_misses import FollowerMisses

_log = structlog.get_logger()

ReadRoute = Callable[[], Awaitable[IndexRoute]]
Act = Callable[[VectorIndex], Awaitable[object]]


class RoutedIndex:
    """VectorIndex over the engine that serves; what changes points reaches the one that follows as well.

    What the follower misses is noted, and mended before it ever serves or stands in. Only removals have to succeed in
    both: an erasure answers for each.
    """

    def __init__(
        self, *, engines: Engines, route: ReadRoute, compared: ComparedSearches, misses: FollowerMisses
    ) -> None:
        self.engines = engines
        self._route = route
        self._compared = compared
        self._misses = misses

    async def aclose(self) -> None:
        """End what is under way in the background; the engines belong to whoever opened them."""
        await self._compared.aclose()
        await self._misses.aclose()

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        await self._change(fingerprint, lambda index: index.write(fingerprint, points))

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        await self._change(fingerprint, lambda index: index.retire(fingerprint, ids, at=at))

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        await self._change(fingerprint, lambda index: index.revive(fingerprint, ids))

    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        await self._change(fingerprint, lambda index: index.grant(fingerprint, ids, principals=principals))

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        await self._remove(lambda index: index.purge(fingerprint, ids))

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        await self._remove(lambda index: index.remove_corpus(fingerprint, corpus_id))

    async def search(
        self, fingerprint: Fingerprint, query: QueryVectors, *, among: Visible, limit: int, exact: bool = False
    ) -> list[Candidate]:
        route = await self._route()
        found = await self.engines(route.serving).search(fingerprint, query, among=among, limit=limit, exact=exact)
        if route.state is RouteState.COMPARING and route.following is not None:
            other = self.engines(route.following)
            self._compared.offer(found, lambda: other.search(fingerprint, query, among=among, limit=limit, exact=exact))
        return found

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        return await (await self._serving()).dense_vectors(fingerprint, ids)

    async def stand_in(self, fingerprint: Fingerprint) -> VectorIndex | None:
        """Return the engine that follows, when it holds the same of a build as far as is known."""
        route = await self._route()
        holds_the_same = route.state in (RouteState.COMPARING, RouteState.SWITCHED)
        if not holds_the_same or route.following is None or await self._misses.lacks(route.following, fingerprint):
            return None
        return self.engines(route.following)

    async def builds(self) -> dict[Fingerprint, int | None]:
        return await (await self._serving()).builds()

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        return await (await self._serving()).corpora(fingerprint)

    async def states(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int = -1
    ) -> AsyncIterator[Sequence[PointState]]:
        serving = await self._serving()
        async for page in serving.states(fingerprint, corpus_id=corpus_id, born_after=born_after):
            yield page

    async def points(self, fingerprint: Fingerprint, *, after: PointId | None = None) -> AsyncIterator[Sequence[Point]]:
        serving = await self._serving()
        async for page in serving.points(fingerprint, after=after):
            yield page

    async def optimise(self, fingerprint: Fingerprint) -> None:
        route = await self._route()
        await self.engines(route.serving).optimise(fingerprint)
        if route.follower is not None:
            await self._reaches(route.follower, lambda index: index.optimise(fingerprint))

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        serving, following = await self._both()
        notes = list(await serving.compact(fingerprint))
        if following is not None:
            notes += [note for note in await following.compact(fingerprint) if note not in notes]
        return notes

    async def drop(self, fingerprint: Fingerprint) -> None:
        await self._remove(lambda index: index.drop(fingerprint))

    async def _change(self, fingerprint: Fingerprint, act: Act) -> None:
        """Bring a change to both engines, and once more to whom it has not reached when the route changed meanwhile."""
        touched, reached = set[str](), set[str]()
        acted_under: tuple[str, str | None] | None = None
        try:
            while (now := await self._written_to()) != acted_under:
                acted_under = serving, follower = now
                touched |= {engine for engine in now if engine is not None}
                if serving not in reached:
                    await act(self.engines(serving))
                    reached.add(serving)
                if follower is not None and follower not in reached and await self._follow(follower, fingerprint, act):
                    reached.add(follower)
        finally:
            # Also what was cut short or failed may have left something in there.
            await self._take_out(touched, fingerprint)

    async def _written_to(self) -> tuple[str, str | None]:
        route = await self._route()
        return route.serving, route.follower

    async def _follow(self, follower: str, fingerprint: Fingerprint, act: Act) -> bool:
        """Bring a change to the engine that follows, or note that it may lack it; return whether it has it."""
        has_it = False
        try:
            has_it = await self._reaches(follower, act)
        finally:
            # Cut short, it may have it or not.
            if not has_it:
                self._misses.note(follower, fingerprint)
        return has_it

    async def _reaches(self, follower: str, act: Act) -> bool:
        try:
            await act(self.engines(follower))
        except RagError as exc:
            _log.warning("index_follower_missed", engine=follower, reason=str(exc))
            return False
        return True

    async def _take_out(self, touched: Collection[str], fingerprint: Fingerprint) -> None:
        # Who was let go was emptied before the change arrived: no erasure would ever look for what that left in there.
        for engine in touched:
            try:
                if engine not in await self._written_to():
                    await self.engines(engine).drop(fingerprint)
            except RagError as exc:
                _log.error("index_left_over", engine=engine, fingerprint=fingerprint, reason=str(exc))

    async def _remove(self, act: Act) -> None:
        serving, following = await self._both()
        await act(serving)
        if following is not None:
            await act(following)

    async def _serving(self) -> VectorIndex:
        return self.engines((await self._route()).serving)

    async def _both(self) -> tuple[VectorIndex, VectorIndex | None]:
        # Also the engine that is being emptied: until it is empty, it holds what an erasure is about.
        route = await self._route()
        return self.engines(route.serving), None if route.following is None else self.engines(route.following)
