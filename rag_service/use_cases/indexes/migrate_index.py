"""Bring the service to another engine while it answers, step by step, with a way back from each."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from rag_service.domain.index_route import ROUTE_AGE_S, IndexRoute, MissedWrites, RouteState
from rag_service.errors import Conflict, EngineLetGo
from rag_service.ports.catalog import Catalog
from rag_service.ports.engines import Engines
from rag_service.use_cases.indexes.copy_builds import BATCH, CopyBuilds
from rag_service.use_cases.indexes.copy_points import CopyPoints, Still
from rag_service.use_cases.indexes.double_read import Agreement, double_read
from rag_service.use_cases.indexes.even_out import EvenOut
from rag_service.use_cases.indexes.forget_found import forget_found
from rag_service.use_cases.indexes.telling import OnStep, untold

LEAST_OVERLAP = 0.98
_ENOUGH_SEARCHES = 20
"""Searches of users from which on their overlap counts."""

_ROUNDS = 10


class MigrateIndex:
    """Every step is a row in the catalog first: run it again after a crash, and it goes on there."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        engines: Engines,
        default: str,
        clock: Callable[[], datetime],
        settle_s: float = 2 * ROUTE_AGE_S,
        batch: int = BATCH,
    ) -> None:
        self._catalog = catalog
        self._engines = engines
        self._default = default
        self._clock = clock
        self._settle_s = settle_s
        self._batch = batch

    async def __call__(
        self, to: str, *, least_overlap: float = LEAST_OVERLAP, on_step: OnStep = untold
    ) -> tuple[IndexRoute, Agreement]:
        """Fill engine `to`, compare, and switch; the engine of before follows from then on.

        Raises:
            InvalidRequest: there is no such engine.
            Conflict: it serves already, another migration is under way, or the two find too different things: then the
                one that serves goes on, and this can be repeated or gone back from.
            IndexUnavailable: one of the two cannot be reached.
        """
        route = await self.route()
        self._engines(to)
        if route.state is RouteState.STEADY:
            route = await self._begin(route, to)
        if route.following != to or route.state not in {RouteState.COPYING, RouteState.COMPARING}:
            raise Conflict(_standing(route))
        if route.state is RouteState.COPYING:
            route = await self._fill(route, to, on_step)
        agreement = await self._compare(route, to, least_overlap, on_step)
        await self._level(route, to, on_step)
        return await self._switch(route, on_step), agreement

    async def finish(self, *, on_step: OnStep = untold) -> IndexRoute:
        """Let the engine of before go, with all it holds; Conflict unless the route was switched. Safe to repeat."""
        route = await self.route()
        if route.state not in {RouteState.SWITCHED, RouteState.EMPTYING} or route.following is None:
            raise Conflict(_standing(route))
        return await self._let_go(route, route.following, on_step)

    async def back(self, *, on_step: OnStep = untold) -> IndexRoute:
        """Go back to the engine that served before the migration; Conflict when none is under way."""
        route = await self.route()
        if route.following is None:
            raise Conflict(_standing(route))
        if route.state is not RouteState.SWITCHED:
            return await self._let_go(route, route.following, on_step)
        await self._level(route, route.following, on_step)
        return await self._switch(route, on_step)

    async def mend(self, *, on_step: OnStep = untold) -> IndexRoute:
        """Bring what follows to what serves, so that it can stand in again; Conflict unless it holds the same else."""
        route = await self.route()
        if route.state not in {RouteState.COMPARING, RouteState.SWITCHED} or route.following is None:
            raise Conflict(_standing(route))
        await self._level(route, route.following, on_step)
        return route

    async def missed(self) -> list[MissedWrites]:
        """Return which builds the engine that follows lacks writes of."""
        route = await self.route()
        async with self._catalog.reading() as tx:
            return [one for one in await tx.index_routes.missed() if one.engine == route.follower]

    async def route(self) -> IndexRoute:
        """Return which engine serves."""
        async with self._catalog.reading() as tx:
            return await tx.index_routes.get() or self._unmoved()

    async def _begin(self, route: IndexRoute, to: str) -> IndexRoute:
        if route.serving == to:
            raise Conflict(_standing(route))
        return await self._change(route, self._new(route.serving, to, RouteState.COPYING))

    async def _fill(self, route: IndexRoute, to: str, on_step: OnStep) -> IndexRoute:
        # Once every process writes to both, what is copied can only be too old, never missing.
        await self._settle(on_step)
        serving, following = self._engines(route.serving), self._engines(to)
        copy_builds = CopyBuilds(catalog=self._catalog, copy=self._copy(self._still(to)), batch=self._batch)
        await copy_builds(serving, following, route, on_step=on_step)
        await self._level(route, to, on_step)
        for fingerprint in await following.builds():
            on_step(f"building the search structures of {fingerprint}")
            await following.optimise(fingerprint)
        return await self._change(route, self._new(route.serving, to, RouteState.COMPARING))

    async def _compare(self, route: IndexRoute, to: str, least_overlap: float, on_step: OnStep) -> Agreement:
        await self._settle(on_step)
        await self._level(route, to, on_step)
        on_step("asking both engines the same questions")
        agreement = await double_read(self._engines(route.serving), self._engines(to))
        if agreement.usual < least_overlap or agreement.exact < 1.0:
            raise Conflict(
                f"Of the best hits of {agreement.questions} questions, {agreement.usual:.4f} agree, and "
                f"{agreement.exact:.4f} in full scans; wanted are {least_overlap:g} and 1."
            )
        now = await self.route()
        if not now.stands_as(route):
            raise Conflict(_standing(now))
        overlap = now.mean_overlap
        if overlap is not None and now.compared >= _ENOUGH_SEARCHES and overlap < least_overlap:
            raise Conflict(f"Of the best hits of {now.compared} searches of users, only {overlap:.4f} agree.")
        return agreement

    async def _switch(self, route: IndexRoute, on_step: OnStep) -> IndexRoute:
        # From the route that was levelled: somebody else may have switched already, and this would switch back.
        if route.following is None:
            raise Conflict(_standing(route))
        switched = await self._change(route, self._new(route.following, route.serving, RouteState.SWITCHED))
        await self._settle(on_step)
        # Nobody asks the former engine any more: what it found is not to be shown in place of what this one finds.
        await forget_found(self._catalog)
        return switched

    async def _let_go(self, route: IndexRoute, engine: str, on_step: OnStep) -> IndexRoute:
        route = await self._change(route, self._new(route.serving, engine, RouteState.EMPTYING))
        # Nobody writes to it any more then.
        await self._settle(on_step)
        await self._empty(engine, on_step)
        async with self._catalog.writing() as tx:
            await tx.index_routes.forget_missed(await tx.index_routes.missed())
        return await self._change(route, self._new(route.serving, None, RouteState.STEADY))

    async def _empty(self, engine: str, on_step: OnStep) -> None:
        index = self._engines(engine)
        for _ in range(_ROUNDS):
            builds = await index.builds()
            if not builds:
                return
            for fingerprint in builds:
                on_step(f"removing {fingerprint} from {engine}")
                await index.drop(fingerprint)
            # A change that was on its way for longer makes a new build of what it brings.
            await self._settle(on_step)
        raise Conflict(
            f"Something still writes to the engine {engine}. Look for a migration that goes on, and repeat this."
        )

    async def _level(self, route: IndexRoute, follower: str, on_step: OnStep) -> None:
        """Bring to the follower what it lacks, and forget that it did."""
        async with self._catalog.reading() as tx:
            missed = await tx.index_routes.missed()
        still = self._still(follower)
        even_out = EvenOut(copy=self._copy(still), still=still)
        await even_out(self._engines(route.serving), self._engines(follower), on_step=on_step)
        async with self._catalog.writing() as tx:
            await tx.index_routes.forget_missed(missed)

    def _copy(self, still: Still) -> CopyPoints:
        return CopyPoints(catalog=self._catalog, still=still)

    def _still(self, to: str) -> Still:
        async def still() -> None:
            # Somebody else may have gone back meanwhile, and emptied it, or have switched to it.
            route = await self.route()
            if route.serving == to:
                raise Conflict(_standing(route))
            if route.follower != to:
                raise EngineLetGo(_standing(route))

        return still

    async def _change(self, before: IndexRoute, after: IndexRoute) -> IndexRoute:
        async with self._catalog.writing() as tx:
            noted = await tx.index_routes.get()
            await tx.index_routes.change(None if noted is None else before, after)
        return after

    async def _settle(self, on_step: OnStep) -> None:
        on_step("waiting until every process knows the route")
        await asyncio.sleep(self._settle_s)

    def _new(self, serving: str, following: str | None, state: RouteState) -> IndexRoute:
        return IndexRoute(serving=serving, following=following, state=state, since=self._clock())

    def _unmoved(self) -> IndexRoute:
        return replace(
            self._new(self._default, None, RouteState.STEADY), since=datetime.fromtimestamp(0, self._clock().tzinfo)
        )


def _standing(route: IndexRoute) -> str:
    match route.state:
        case RouteState.STEADY:
            return f"The engine {route.serving} serves, and no migration is under way."
        case RouteState.EMPTYING:
            return f"The engine {route.serving} serves, and {route.following} is being emptied: end that with --finish."
        case RouteState.SWITCHED:
            return (
                f"The engine {route.serving} serves, and {route.following} follows. "
                "First let it go with --finish, or go back with --back."
            )
        case _:
            return f"A migration from {route.serving} to {route.following} is under way: go on with it, or --back."
