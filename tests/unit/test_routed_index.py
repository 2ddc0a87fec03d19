"""Which engine gets what, by the route; engines are in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_route import IndexRoute, RouteState
from rag_service.errors import IndexUnavailable, InvalidRequest
from rag_service.ports.vector_index import Point
from rag_service.retrieval.compared_searches import ComparedSearches
from rag_service.retrieval.follower_misses import FollowerMisses
from rag_service.retrieval.known_route import KnownRoute
from rag_service.retrieval.memory import MemoryIndex
from rag_service.retrieval.opened_engines import OpenedEngines
from rag_service.retrieval.routed import RoutedIndex
from tests.contract.catalog_values import START
from tests.contract.index_points import chunks, found, point_id, points

BUILD = "b" * 32


class DownIndex(MemoryIndex):
    """Cannot be reached for any change."""

    async def write(self, *_: object, **__: object) -> None:
        raise IndexUnavailable("It is down.")

    purge = retire = optimise = write


class SlowIndex(MemoryIndex):
    """Writes when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def write(self, fingerprint: Fingerprint, written: Sequence[Point]) -> None:
        self.begun.set()
        await self.may_end.wait()
        await super().write(fingerprint, written)


class SlowToFail(SlowIndex):
    """Is gone when it may end."""

    async def write(self, *_: object) -> None:
        self.begun.set()
        await self.may_end.wait()
        raise IndexUnavailable("It is down.")


class SlowToAnswer(SlowIndex):
    """Has written at once, and says so when it may."""

    async def write(self, fingerprint: Fingerprint, written: Sequence[Point]) -> None:
        await MemoryIndex.write(self, fingerprint, written)
        self.begun.set()
        await self.may_end.wait()


class Place:
    """A routed index over engines `one` and `two`, whose route a test sets."""

    def __init__(self, catalog: SqlCatalog) -> None:
        self.catalog = catalog
        self.one, self.two = MemoryIndex(), MemoryIndex()
        self.route = self._route(None, RouteState.STEADY)
        self.compared = ComparedSearches(catalog, each=1)
        engines = OpenedEngines({"one": lambda: self.one, "two": lambda: self.two})
        self.misses = FollowerMisses(catalog)
        self.index = RoutedIndex(engines=engines, route=self._read, compared=self.compared, misses=self.misses)

    def follow(self, state: RouteState = RouteState.COPYING) -> None:
        self.route = self._route("two", state)

    async def _read(self) -> IndexRoute:
        return self.route

    def _route(self, following: str | None, state: RouteState) -> IndexRoute:
        return IndexRoute(serving="one", following=following, state=state, since=START)


@pytest.fixture
async def place(migrated_dir: Path) -> AsyncIterator[Place]:
    async with open_catalog(f"sqlite+aiosqlite:///{migrated_dir}/catalog.db") as catalog:
        made = Place(catalog)
        yield made
        await made.index.aclose()


async def test_without_a_follower_only_the_serving_engine_is_written_to(place: Place) -> None:
    await place.index.write(BUILD, points("a", 3))

    assert (await place.one.builds(), await place.two.builds()) == ({BUILD: 3}, {})


async def test_vectors_are_read_of_the_serving_engine(place: Place) -> None:
    place.follow()
    await place.one.write(BUILD, points("a", 1))

    assert set(await place.index.dense_vectors(BUILD, [point_id("a0")])) == {point_id("a0")}


async def test_a_follower_gets_every_change(place: Place) -> None:
    place.follow()
    await place.index.write(BUILD, points("a", 3))

    await place.index.retire(BUILD, [point_id("a0")], at=2)
    await place.index.purge(BUILD, [point_id("a1")])

    assert await found(place.one, BUILD, version=2) == await found(place.two, BUILD, version=2)
    assert chunks(await found(place.two, BUILD, version=2)) == ["a2"]


async def test_a_follower_that_is_down_fails_no_write(place: Place) -> None:
    place.two = DownIndex()
    place.follow()

    await place.index.write(BUILD, points("a", 3))

    assert chunks(await found(place.index, BUILD)) == ["a0", "a1", "a2"]


async def test_a_removal_that_the_follower_misses_is_told(place: Place) -> None:
    place.two = DownIndex()
    place.follow()
    await place.index.write(BUILD, points("a", 3))

    with pytest.raises(IndexUnavailable):
        await place.index.purge(BUILD, [point_id("a1")])


async def test_what_is_removed_leaves_an_engine_that_is_being_emptied(place: Place) -> None:
    await place.two.write(BUILD, points("a", 2))
    place.follow(RouteState.EMPTYING)

    await place.index.purge(BUILD, [point_id("a1")])

    assert chunks(await found(place.two, BUILD)) == ["a0"]


async def test_the_follower_is_not_searched(place: Place) -> None:
    await place.two.write(BUILD, points("b", 3))
    place.follow(RouteState.SWITCHED)

    assert await found(place.index, BUILD) == []


@pytest.mark.parametrize("state", [RouteState.COMPARING, RouteState.SWITCHED])
async def test_the_follower_stands_in_when_it_holds_the_same(place: Place, state: RouteState) -> None:
    place.follow(state)

    assert await place.index.stand_in(BUILD) is place.two


@pytest.mark.parametrize("state", [RouteState.COPYING, RouteState.EMPTYING])
async def test_a_follower_that_lacks_points_does_not_stand_in(place: Place, state: RouteState) -> None:
    assert await place.index.stand_in(BUILD) is None
    place.follow(state)

    assert await place.index.stand_in(BUILD) is None


async def test_a_follower_that_missed_a_write_stands_in_for_other_builds_only(place: Place) -> None:
    place.two = DownIndex()
    place.follow(RouteState.SWITCHED)

    await place.index.write(BUILD, points("a", 3))

    assert await place.index.stand_in(BUILD) is None
    assert await place.index.stand_in("c" * 32) is place.two


async def test_a_write_that_was_cut_short_at_the_follower_counts_as_missed(place: Place) -> None:
    place.two = SlowIndex()
    place.follow(RouteState.SWITCHED)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await place.index.write(BUILD, points("a", 3))

    assert await place.index.stand_in(BUILD) is None


async def test_a_follower_that_cannot_build_its_structures_lacks_no_write(place: Place) -> None:
    place.two = DownIndex()
    place.follow(RouteState.SWITCHED)

    await place.index.optimise(BUILD)

    assert await place.index.stand_in(BUILD) is place.two


async def test_a_change_that_arrives_when_its_engine_was_let_go_is_taken_out_of_it(place: Place) -> None:
    place.two = slow = SlowIndex()
    place.follow(RouteState.SWITCHED)
    writing = asyncio.create_task(place.index.write(BUILD, points("a", 3)))
    await slow.begun.wait()
    place.route = place._route(None, RouteState.STEADY)

    slow.may_end.set()
    await writing

    assert (await place.one.builds(), await place.two.builds()) == ({BUILD: 3}, {})


async def test_a_change_that_took_longer_than_a_migration_reaches_who_serves_by_then(place: Place) -> None:
    place.one = slow = SlowIndex()
    writing = asyncio.create_task(place.index.write(BUILD, points("a", 3)))
    await slow.begun.wait()
    place.route = replace(place.route, serving="two", following="one", state=RouteState.EMPTYING)

    slow.may_end.set()
    await writing

    assert (await place.one.builds(), await place.two.builds()) == ({}, {BUILD: 3})


async def test_a_write_that_only_the_former_engine_got_is_not_done(place: Place) -> None:
    place.two = slow = SlowToFail()
    place.follow(RouteState.COMPARING)
    writing = asyncio.create_task(place.index.write(BUILD, points("a", 3)))
    await slow.begun.wait()
    place.route = replace(place.route, serving="two", following="one", state=RouteState.SWITCHED)

    slow.may_end.set()

    with pytest.raises(IndexUnavailable):
        await writing


async def test_a_change_under_three_routes_leaves_nothing_in_an_engine_that_was_let_go(place: Place) -> None:
    place.one, place.two = slow, slower = SlowIndex(), SlowIndex()
    writing = asyncio.create_task(place.index.write(BUILD, points("a", 3)))
    await slow.begun.wait()
    place.follow()
    slow.may_end.set()
    await slower.begun.wait()
    place.route = place._route(None, RouteState.STEADY)

    slower.may_end.set()
    await writing

    assert (await place.one.builds(), await place.two.builds()) == ({BUILD: 3}, {})


async def test_a_change_that_was_cut_short_leaves_nothing_in_an_engine_that_was_let_go(place: Place) -> None:
    place.two = slow = SlowToAnswer()
    place.follow(RouteState.SWITCHED)
    writing = asyncio.create_task(place.index.write(BUILD, points("a", 3)))
    await slow.begun.wait()
    place.route = place._route(None, RouteState.STEADY)

    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert await place.two.builds() == {}


async def test_while_engines_are_compared_searches_are_asked_of_both_afterwards(place: Place) -> None:
    comparing = place._route("two", RouteState.COMPARING)
    async with place.catalog.writing() as tx:
        await tx.index_routes.change(None, comparing)
    await place.one.write(BUILD, points("a", 4))
    await place.two.write(BUILD, points("a", 2))
    place.follow(RouteState.COMPARING)

    assert len(await found(place.index, BUILD)) == 4
    await asyncio.gather(*place.compared._under_way)

    async with place.catalog.reading() as tx:
        route = await tx.index_routes.get()
    assert route is not None and (route.compared, route.mean_overlap) == (1, 0.75)


async def test_an_unknown_engine_is_named_with_those_that_are_known(place: Place) -> None:
    with pytest.raises(InvalidRequest, match=r"no engine 'three'\. Known are one, two"):
        place.index.engines("three")


async def test_a_route_is_read_again_when_it_is_a_second_old(place: Place) -> None:
    now = 100.0
    route = KnownRoute(catalog=place.catalog, default="one", monotonic=lambda: now)
    assert (await route()).serving == "one"
    async with place.catalog.writing() as tx:
        await tx.index_routes.change(
            None, IndexRoute(serving="two", following=None, state=RouteState.STEADY, since=START)
        )

    now = 100.9
    assert (await route()).serving == "one"
    now = 101.1
    assert (await route()).serving == "two"
