"""What a search keeps never shows too much, and for no moment too little."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import DocumentId
from rag_service.telemetry.search_counts import CacheResult
from tests.faults.faulty_search import FaultySearch, faulty_search
from tests.integration.desk import DOCUMENTS
from tests.integration.erasing import erase

FINANCE = frozenset({"finance"})


@pytest.fixture
async def world(migrated_dir: Path) -> AsyncIterator[FaultySearch]:
    async with faulty_search(migrated_dir, cache_entries=100, deadline_s=300) as made:
        yield made


@pytest.fixture
def reader(world: FaultySearch) -> AccessScope:
    return replace(world.desk.admin, principals=world.desk.admin.principals | FINANCE)


async def id_of(world: FaultySearch, key: str) -> DocumentId:
    return next(document_id for document_id, name in (await world.desk.keys()).items() if name == key)


async def texts(world: FaultySearch, scope: AccessScope | None = None) -> set[str]:
    return {passage.text for passage in (await world.ask(scope=scope)).passages}


async def test_a_question_asked_again_asks_no_engine(world: FaultySearch) -> None:
    first = await world.ask()

    assert (await world.ask()).passages == first.passages
    assert (world.embedder.calls, world.index.calls) == (1, 1)
    assert world.container.search.counts.cached["candidates", CacheResult.HIT] == 1


async def test_what_is_taken_away_is_gone_at_once(world: FaultySearch) -> None:
    assert DOCUMENTS["b"] in await texts(world)

    await world.container.grant_document(world.desk.admin, await id_of(world, "b"), FINANCE)

    assert DOCUMENTS["b"] not in await texts(world)


async def test_rights_that_did_not_reach_the_index_take_away_all_the_same(world: FaultySearch) -> None:
    assert DOCUMENTS["b"] in await texts(world)

    async with world.container.catalog.writing() as tx:
        await tx.documents.grant(world.desk.admin, await id_of(world, "b"), FINANCE)

    assert DOCUMENTS["b"] not in await texts(world)


async def test_what_is_granted_is_found_at_once(world: FaultySearch, reader: AccessScope) -> None:
    document_id, everything = await id_of(world, "b"), system_scope(world.desk.admin.tenant_id)
    await world.container.grant_document(everything, document_id, frozenset({"bosses"}))
    assert DOCUMENTS["b"] not in await texts(world, reader)

    await world.container.grant_document(everything, document_id, FINANCE)

    assert DOCUMENTS["b"] in await texts(world, reader)


async def test_points_that_were_mended_are_found_at_once(world: FaultySearch) -> None:
    build = world.container.build.digest
    points = [one async for page in world.container.index.points(build) for one in page]
    await world.container.index.purge(build, [one.id for one in points])
    assert await texts(world) == set()

    await world.container.reconcile(world.desk.admin, dry_run=False)

    assert DOCUMENTS["b"] in await texts(world)


async def test_what_was_erased_is_gone_at_once(world: FaultySearch) -> None:
    assert DOCUMENTS["b"] in await texts(world)

    await erase(world.desk, "b")

    assert DOCUMENTS["b"] not in await texts(world)


async def test_a_new_version_is_found_at_once(world: FaultySearch) -> None:
    await texts(world)

    await world.desk.publish({"b": "Bananas are yellow and bent."})

    assert "Bananas are yellow and bent." in await texts(world)


async def test_after_a_roll_back_people_get_what_the_old_version_held(world: FaultySearch) -> None:
    before = (await world.ask()).pinned.number
    await world.desk.publish({"b": "Bananas are yellow and bent."})
    assert DOCUMENTS["b"] not in await texts(world)

    await world.desk.roll_back(before)

    assert DOCUMENTS["b"] in await texts(world)
