"""Hundreds ask the same question at the same moment, and nothing is known of it yet."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import TenantId
from tests.faults.faulty_search import QUESTION, FaultySearch, faulty_search
from tests.faulty_parts import Mood
from tests.integration.desk import DOCUMENTS, Desk
from tests.patience import until

HERD = 500


@pytest.fixture
async def world(migrated_dir: Path) -> AsyncIterator[FaultySearch]:
    """Parts that answer after a moment, so that all are there before the first is answered."""
    async with faulty_search(migrated_dir, cache_entries=100, deadline_s=300) as made:
        made.embedder.mood = made.index.mood = Mood.SLOW
        yield made


@pytest.fixture
async def other_tenant(world: FaultySearch) -> AccessScope:
    scope = replace(world.desk.admin, tenant_id=TenantId("other"), key_id=None)
    async with world.container.catalog.writing() as tx:
        await tx.keys.add_tenant(scope.tenant_id, "other")
    await world.container.create_corpus(scope, name=world.desk.corpus)
    await Desk(worker=world.desk.worker, admin=scope).publish(DOCUMENTS)
    return scope


async def herd(world: FaultySearch, *scopes: AccessScope, questions: tuple[str, ...] = (QUESTION,)) -> set[str]:
    """Let all ask together; return the best passages they got."""
    asking = [world.ask(query, scope=scope) for _ in range(HERD) for scope in scopes for query in questions]
    return {found.passages[0].text for found in await asyncio.gather(*asking)}


async def test_it_is_embedded_and_looked_for_once(world: FaultySearch) -> None:
    assert await herd(world, world.desk.admin) == {DOCUMENTS["b"]}
    assert (world.embedder.calls, world.index.calls) == (1, 1)


async def test_each_tenant_has_its_own_computed(world: FaultySearch, other_tenant: AccessScope) -> None:
    await herd(world, world.desk.admin, other_tenant)

    assert (world.embedder.calls, world.index.calls) == (2, 2)


async def test_people_with_other_rights_share_the_vector_and_not_what_is_found(world: FaultySearch) -> None:
    boss = replace(world.desk.admin, principals=world.desk.admin.principals | {"bosses"})

    await herd(world, world.desk.admin, boss)

    assert (world.embedder.calls, world.index.calls) == (1, 2)


async def test_a_question_with_other_blanks_is_the_same(world: FaultySearch) -> None:
    assert await herd(
        world, world.desk.admin, questions=(QUESTION, f"  {QUESTION}\n", QUESTION.replace(" ", "\u00a0 "))
    )
    assert (world.embedder.calls, world.index.calls) == (1, 1)


async def test_those_who_leave_take_nothing_from_the_others(world: FaultySearch) -> None:
    asking = [asyncio.create_task(world.ask()) for _ in range(HERD)]
    await until(lambda: world.embedder.calls)

    for task in asking[: HERD // 2]:
        task.cancel()

    found = await asyncio.gather(*asking[HERD // 2 :])
    assert {one.passages[0].text for one in found} == {DOCUMENTS["b"]}
