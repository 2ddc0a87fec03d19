"""Which engine serves: the same on SQLite and PostgreSQL."""

from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import Fingerprint, PointId
from rag_service.domain.index_route import IndexRoute, MissedWrites, RouteState
from rag_service.errors import Conflict
from tests.contract.catalog_values import at

COPYING = IndexRoute(serving="edge", following="faiss", state=RouteState.COPYING, since=at(1))
STEADY = IndexRoute(serving="edge", following=None, state=RouteState.STEADY, since=at(0))


async def change(catalog: SqlCatalog, before: IndexRoute | None, after: IndexRoute) -> None:
    async with catalog.writing() as tx:
        await tx.index_routes.change(before, after)


async def route(catalog: SqlCatalog) -> IndexRoute | None:
    async with catalog.reading() as tx:
        return await tx.index_routes.get()


async def test_there_is_no_route_before_the_first_migration(catalog: SqlCatalog) -> None:
    assert await route(catalog) is None


async def test_a_route_is_kept_as_it_is(catalog: SqlCatalog) -> None:
    await change(catalog, None, COPYING)

    assert await route(catalog) == COPYING


async def test_of_two_that_begin_a_migration_one_is_refused(catalog: SqlCatalog) -> None:
    await change(catalog, None, COPYING)

    with pytest.raises(Conflict):
        await change(catalog, None, replace(COPYING, following="qdrant"))
    assert await route(catalog) == COPYING


async def test_a_route_that_was_changed_meanwhile_is_not_replaced(catalog: SqlCatalog) -> None:
    await change(catalog, None, COPYING)
    await change(catalog, COPYING, STEADY)

    with pytest.raises(Conflict):
        await change(catalog, COPYING, replace(COPYING, state=RouteState.COMPARING))


async def test_a_route_without_a_follower_is_found_again(catalog: SqlCatalog) -> None:
    await change(catalog, None, STEADY)

    await change(catalog, STEADY, COPYING)

    assert await route(catalog) == COPYING


async def test_what_has_come_over_adds_up(catalog: SqlCatalog) -> None:
    await change(catalog, None, COPYING)

    async with catalog.writing() as tx:
        await tx.index_routes.note_copied(Fingerprint("f"), to=PointId("a"), points=3)
        await tx.index_routes.note_copied(Fingerprint("g"), to=PointId("b"), points=4)

    assert await route(catalog) == replace(COPYING, copied_build=Fingerprint("g"), copied_to=PointId("b"), copied=7)


async def test_searches_count_only_while_they_are_compared(catalog: SqlCatalog) -> None:
    comparing = replace(COPYING, state=RouteState.COMPARING)
    await change(catalog, None, COPYING)

    async with catalog.writing() as tx:
        await tx.index_routes.note_compared(1, overlap=1.0)
        await tx.index_routes.change(COPYING, comparing)
        await tx.index_routes.note_compared(2, overlap=1.5)

    found = await route(catalog)
    assert found is not None and (found.compared, found.mean_overlap) == (2, 0.75)


async def missed(catalog: SqlCatalog) -> list[MissedWrites]:
    async with catalog.reading() as tx:
        return await tx.index_routes.missed()


async def note_missed(catalog: SqlCatalog, *fingerprints: str) -> None:
    async with catalog.writing() as tx:
        for fingerprint in fingerprints:
            await tx.index_routes.note_missed("faiss", Fingerprint(fingerprint))


async def test_what_an_engine_missed_is_counted_by_build(catalog: SqlCatalog) -> None:
    await note_missed(catalog, "g", "f", "g")

    assert [(one.engine, one.fingerprint, one.writes) for one in await missed(catalog)] == [
        ("faiss", "f", 1),
        ("faiss", "g", 2),
    ]


async def test_what_was_missed_since_it_was_mended_is_not_forgotten(catalog: SqlCatalog) -> None:
    await note_missed(catalog, "f", "g")
    mended = await missed(catalog)
    await note_missed(catalog, "g")

    async with catalog.writing() as tx:
        await tx.index_routes.forget_missed(mended)

    assert [(one.fingerprint, one.writes) for one in await missed(catalog)] == [("g", 2)]


async def forget_missed(catalog: SqlCatalog, mended: list[MissedWrites]) -> None:
    async with catalog.writing() as tx:
        await tx.index_routes.forget_missed(mended)


async def test_of_two_that_mend_the_same_the_later_one_forgets_nothing_newer(catalog: SqlCatalog) -> None:
    await note_missed(catalog, "f")
    mended = await missed(catalog)
    await forget_missed(catalog, mended)
    assert await missed(catalog) == []

    await note_missed(catalog, "f")
    await forget_missed(catalog, mended)

    assert [one.fingerprint for one in await missed(catalog)] == ["f"]


async def test_what_was_mended_late_brings_nothing_back(catalog: SqlCatalog) -> None:
    await note_missed(catalog, "f")
    early = await missed(catalog)
    await note_missed(catalog, "f")
    await forget_missed(catalog, await missed(catalog))

    await forget_missed(catalog, early)

    assert await missed(catalog) == []
