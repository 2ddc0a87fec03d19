"""From one engine to another and back: what is found stays the same, at every step and under writes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_route import RouteState
from rag_service.errors import Conflict, IndexUnavailable
from rag_service.ports.vector_index import Candidate, Point
from rag_service.retrieval.memory import MemoryIndex
from tests.integration.edge_desk import accept_rows
from tests.integration.engines import DOCUMENTS, ENGINES, Engines, engines_opened
from tests.integration.erasing import erase
from tests.made_rows import made_question, made_rows


@pytest.fixture
async def memories(migrated_dir: Path) -> AsyncIterator[Engines]:
    """A service on memory, beside another memory."""
    async with engines_opened(migrated_dir, "memory", other=MemoryIndex()) as opened:
        yield opened


@pytest.mark.parametrize("to", [name for name in ENGINES if name != "memory"])
async def test_there_and_back_the_same_is_found(to: str, migrated_dir: Path) -> None:
    async with engines_opened(migrated_dir, "memory", to) as engines:
        before, migrate = await engines.answers(), engines.migration("memory")

        there, agreement = await migrate(to)
        on_the_other = await engines.answers()
        await migrate.finish()
        back, _ = await migrate("memory")

        assert (there.serving, back.serving, agreement.exact) == (to, "memory", 1.0)
        assert _rounded(before) == _rounded(on_the_other) == _rounded(await engines.answers())


async def test_after_the_switch_the_former_engine_follows(memories: Engines) -> None:
    await memories.migration("memory")("other")

    await accept_rows(memories.desk, made_rows(range(DOCUMENTS, DOCUMENTS + 5)))
    await memories.desk.work_off()

    assert await memories.by_name["memory"].builds() == {memories.build: DOCUMENTS + 5}


async def test_what_is_finished_leaves_nothing_in_the_former_engine(memories: Engines) -> None:
    migrate = memories.migration("memory")
    await migrate("other")

    route = await migrate.finish()

    assert (route.state, route.following) == (RouteState.STEADY, None)
    assert await memories.by_name["memory"].builds() == {}
    assert (await memories.answers())[0]


async def test_what_the_former_engine_found_is_asked_anew_after_the_switch(memories: Engines) -> None:
    before = await memories.epochs()

    await memories.migration("memory")("other")

    assert await memories.epochs() == [epoch + 1 for epoch in before]


class Late(MemoryIndex):
    """Gets a write that was on its way when it was emptied."""

    late: Sequence[Point] = ()

    async def drop(self, fingerprint: Fingerprint) -> None:
        await super().drop(fingerprint)
        arriving, self.late = self.late, ()
        if arriving:
            await self.write(fingerprint, arriving)


async def test_a_write_that_arrives_late_is_not_left_in_an_engine_that_was_emptied(migrated_dir: Path) -> None:
    late = Late()
    async with engines_opened(migrated_dir, "late", late=late, other=MemoryIndex()) as engines:
        await engines.migration("late")("other")
        late.late = [point async for page in late.points(engines.build) for point in page][:3]

        await engines.migration("late").finish()

        assert await late.builds() == {}


class Haunted(MemoryIndex):
    """Is written to by somebody who never ends."""

    async def drop(self, fingerprint: Fingerprint) -> None:
        """Come back."""


async def test_an_engine_that_is_still_written_to_is_not_let_go(migrated_dir: Path) -> None:
    async with engines_opened(migrated_dir, "memory", haunted=Haunted()) as engines:
        migrate = engines.migration("memory")
        await migrate("haunted")
        await migrate.back()

        with pytest.raises(Conflict, match="Something still writes to the engine haunted"):
            await migrate.finish()

        assert (await migrate.route()).state is RouteState.EMPTYING


class GoneBackFrom(MemoryIndex):
    """At the first write somebody else goes back from the migration."""

    back: Callable[[], Awaitable[object]] | None = None

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        back, self.back = self.back, None
        if back:
            await back()
        await super().write(fingerprint, points)


async def test_a_copy_that_somebody_else_goes_back_from_leaves_nothing_behind(migrated_dir: Path) -> None:
    target = GoneBackFrom()
    async with engines_opened(migrated_dir, "memory", target=target) as engines:
        target.back = engines.migration("memory").back

        with pytest.raises(Conflict, match="memory serves, and no migration is under way"):
            await engines.migration("memory")("target")

        assert await target.builds() == {}


class Overtaken(MemoryIndex):
    """Somebody else does something during the next write, or once it has been searched and is looked at again."""

    during_write: Callable[[], Awaitable[object]] | None = None
    during_search: Callable[[], Awaitable[object]] | None = None
    after_search: Callable[[], Awaitable[object]] | None = None
    is_searched = False

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        await self._let("during_write")
        await super().write(fingerprint, points)

    async def search(self, *given: object, **options: object) -> list[Candidate]:
        self.is_searched = True
        await self._let("during_search")
        return await super().search(*given, **options)  # type: ignore[arg-type]

    async def builds(self) -> dict[Fingerprint, int | None]:
        if self.is_searched:
            await self._let("after_search")
        return await super().builds()

    async def _let(self, when: str) -> None:
        act = getattr(self, when)
        setattr(self, when, None)
        if act:
            await act()


@pytest.mark.parametrize("when", ["during_write", "during_search", "after_search"])
async def test_a_second_run_of_a_migration_neither_empties_nor_switches_back(when: str, migrated_dir: Path) -> None:
    target = Overtaken()
    async with engines_opened(migrated_dir, "memory", target=target) as engines:
        migrate = engines.migration("memory")
        setattr(target, when, lambda: engines.migration("memory")("target"))

        with pytest.raises(Conflict, match=r"target serves|changed which engine serves"):
            await migrate("target")

        assert (await migrate.route()).serving == "target"
        assert await target.builds() == {engines.build: DOCUMENTS}


async def test_what_is_mended_while_somebody_else_goes_back_to_it_is_not_emptied(migrated_dir: Path) -> None:
    former = Overtaken()
    async with engines_opened(migrated_dir, "former", former=former, other=MemoryIndex()) as engines:
        migrate = engines.migration("former")
        await migrate("other")
        [first, *_] = [point.id async for page in former.points(engines.build) for point in page]
        await former.purge(engines.build, [first])
        former.during_write = engines.migration("former").back

        with pytest.raises(Conflict, match="former serves"):
            await migrate.mend()

        assert await former.builds() == {engines.build: DOCUMENTS}


async def test_a_follower_that_missed_writes_stands_in_again_when_it_is_mended(migrated_dir: Path) -> None:
    stops = Stops()
    stops.left = 1_000
    async with engines_opened(migrated_dir, "stops", stops=stops, other=MemoryIndex()) as engines:
        migrate = engines.migration("stops")
        await migrate("other")
        stops.left = 0
        await engines.desk.publish({"new": "Something new."})
        stops.left = 1_000
        await engines.index.aclose()
        assert [one.engine for one in await migrate.missed()] == ["stops"]
        assert await engines.index.stand_in(engines.build) is None

        await migrate.mend()

        assert await migrate.missed() == []
        assert await stops.builds() == {engines.build: DOCUMENTS + 1}
        assert await engines.index.stand_in(engines.build) is stops


async def test_without_a_migration_there_is_nobody_to_mend(memories: Engines) -> None:
    with pytest.raises(Conflict, match="no migration is under way"):
        await memories.migration("memory").mend()


class Stuck(MemoryIndex):
    """Removes nothing the first time."""

    is_stuck = True

    async def drop(self, fingerprint: Fingerprint) -> None:
        if self.is_stuck:
            raise IndexUnavailable("It is down.")
        await super().drop(fingerprint)


async def test_letting_go_that_was_cut_short_goes_on(migrated_dir: Path) -> None:
    stuck = Stuck()
    async with engines_opened(migrated_dir, "memory", stuck=stuck) as engines:
        migrate = engines.migration("memory")
        await migrate("stuck")
        await migrate.back()
        with pytest.raises(IndexUnavailable):
            await migrate.finish()
        with pytest.raises(Conflict, match="stuck is being emptied"):
            await migrate("stuck")
        stuck.is_stuck = False

        route = await migrate.finish()

        assert (route.serving, route.following, route.state) == ("memory", None, RouteState.STEADY)
        assert await stuck.builds() == {}


async def test_one_can_go_back_after_the_switch(memories: Engines) -> None:
    migrate, before = memories.migration("memory"), await memories.answers()
    await migrate("other")

    route = await migrate.back()

    assert (route.serving, route.following) == ("memory", "other")
    assert await memories.answers() == before


class Stops(MemoryIndex):
    """Gives out at the n-th write."""

    left = 2

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        self.left -= 1
        if self.left < 0:
            raise IndexUnavailable("It is down.")
        await super().write(fingerprint, points)


@pytest.fixture
async def stopping(migrated_dir: Path) -> AsyncIterator[Engines]:
    """A service on Qdrant Edge, beside an engine that gives out in the middle of a migration."""
    async with engines_opened(migrated_dir, "edge", stops=Stops()) as opened:
        yield opened


async def test_a_migration_that_was_cut_short_goes_on_where_it_was(stopping: Engines) -> None:
    migrate, other = stopping.migration("edge"), stopping.by_name["stops"]
    assert isinstance(other, Stops)
    with pytest.raises(IndexUnavailable):
        await migrate("stops")
    other.left = 1_000

    route, _ = await migrate("stops")

    assert route.serving == "stops"
    assert await other.builds() == {stopping.build: DOCUMENTS}


async def test_a_migration_can_be_gone_back_from_in_the_middle(stopping: Engines) -> None:
    migrate = stopping.migration("edge")
    with pytest.raises(IndexUnavailable):
        await migrate("stops")

    route = await migrate.back()

    assert (route.serving, route.following, route.state) == ("edge", None, RouteState.STEADY)
    assert await stopping.by_name["stops"].builds() == {}


async def test_while_one_is_under_way_no_other_begins(stopping: Engines) -> None:
    migrate = stopping.migration("edge")
    with pytest.raises(IndexUnavailable):
        await migrate("stops")

    with pytest.raises(Conflict, match="from edge to stops is under way"):
        await migrate("edge")


async def test_points_that_the_follower_has_too_many_wrong_or_not_are_mended(memories: Engines) -> None:
    one, other = memories.by_name["memory"], memories.by_name["other"]
    points = [point async for page in one.points(memories.build) for point in page]
    await other.write(memories.build, points[:10])
    await other.retire(memories.build, [points[0].id], at=1)
    await other.write("a" * 32, points)

    await memories.migration("memory")("other")

    assert await other.builds() == {memories.build: DOCUMENTS}
    assert await _states(memories, "other") == await _states(memories, "memory")


class Forgetful(MemoryIndex):
    """Finds nothing."""

    async def search(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
        return []


async def test_an_engine_that_finds_other_things_is_not_switched_to(migrated_dir: Path) -> None:
    async with engines_opened(migrated_dir, "memory", forgetful=Forgetful()) as engines:
        with pytest.raises(Conflict, match=r"0\.0000 agree"):
            await engines.migration("memory")("forgetful")

        route = await engines.migration("memory").route()
        assert (route.serving, route.state) == ("memory", RouteState.COMPARING)


async def test_what_is_erased_while_it_is_copied_is_in_neither_engine(stopping: Engines) -> None:
    migrate, other = stopping.migration("edge"), stopping.by_name["stops"]
    assert isinstance(other, Stops)
    with pytest.raises(IndexUnavailable):
        await migrate("stops")
    other.left = 1_000

    await erase(stopping.desk, "row-7")
    await migrate("stops")

    assert await stopping.by_name["edge"].builds() == await other.builds() == {stopping.build: DOCUMENTS - 1}
    assert all("row-7" not in text for text, _ in await stopping.desk.found(made_question(7)))


def _rounded(answers: list[list[tuple[str, float]]]) -> list[list[tuple[str, float]]]:
    return [[(text, round(score, 3)) for text, score in found] for found in answers]


async def _states(engines: Engines, name: str) -> list[object]:
    [corpus_id] = await engines.index.corpora(engines.build)
    index = engines.by_name[name]
    return [state async for page in index.states(engines.build, corpus_id=corpus_id) for state in page]
