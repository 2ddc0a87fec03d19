"""The index or the embedding model is slow or down while people ask: they get less, are told so, and soon all again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag_service.errors import EmbedderUnavailable, IndexUnavailable
from rag_service.retrieval.index_client import IndexClient
from tests.contract.index_backends import qdrant_index
from tests.faults.faulty_search import FaultySearch, faults, faulty_search, world
from tests.faulty_parts import Mood
from tests.index_hosts import running_host
from tests.integration.desk import DOCUMENTS
from tests.patience import PATIENCE_S, until

__all__ = ["world"]

ENOUGH_FAILURES = 3
TWO_SUBJECTS = "Are bananas yellow, or is it snow?"


@pytest.fixture
async def lonely(migrated_dir: Path) -> AsyncIterator[FaultySearch]:
    """Without one."""
    async with faulty_search(migrated_dir) as made:
        await made.ask()
        yield made


async def test_all_parts_that_are_well_are_asked(world: FaultySearch) -> None:
    found = await world.ask()

    assert found.degraded == ()
    assert found.passages[0].text == DOCUMENTS["b"] and found.passages[0].dense_score > 0


@faults
async def test_another_index_answers_for_one_that_does_not(migrated_dir: Path, fault: Mood) -> None:
    async with qdrant_index() as server, faulty_search(migrated_dir, index=server, has_fallback=True) as world:
        whole = await world.ask()
        world.index.mood = fault

        found = await world.ask()

    assert (whole.degraded, found.degraded) == ((), ("index",))
    assert [one.chunk_id for one in found.passages] == [one.chunk_id for one in whole.passages]


@faults
async def test_a_dead_index_is_soon_not_asked_any_more(world: FaultySearch, fault: Mood) -> None:
    world.index.mood = fault
    before = world.index.calls

    for _ in range(ENOUGH_FAILURES + 5):
        await world.ask()

    assert world.index.calls == before + ENOUGH_FAILURES


async def test_an_index_that_is_back_is_asked_again(world: FaultySearch) -> None:
    world.index.mood = Mood.REFUSING
    for _ in range(ENOUGH_FAILURES):
        await world.ask()

    world.index.mood = Mood.WELL

    async def is_whole() -> bool:
        return (await world.ask()).degraded == ()

    await until(is_whole)


@faults
async def test_words_are_looked_for_when_the_embedder_does_not_answer(world: FaultySearch, fault: Mood) -> None:
    world.embedder.mood = fault

    found = await world.ask()

    assert found.degraded == ("embedding",)
    assert [one.text for one in found.passages] == [DOCUMENTS["b"]]
    assert found.passages[0].score == pytest.approx(1.0) and found.passages[0].dense_score == 0


@faults
async def test_an_index_that_finds_but_reads_no_vectors_leaves_the_fused_order(
    world: FaultySearch, fault: Mood
) -> None:
    whole = await world.ask(TWO_SUBJECTS)
    world.index.reading.mood = fault

    found = await world.ask(TWO_SUBJECTS)

    assert found.degraded == ("feedback",)
    lowered, as_fused = ({one.chunk_id: one.score for one in each.passages} for each in (whole, found))
    assert len(found.passages) > 2
    assert all(lowered[chunk] <= score for chunk, score in as_fused.items()) and lowered != as_fused
    assert world.container.search.counts.degraded == {"feedback": 1}


async def test_two_parts_that_are_down_are_both_named(world: FaultySearch) -> None:
    world.embedder.mood = world.index.mood = Mood.REFUSING

    assert (await world.ask()).degraded == ("embedding", "index")
    assert world.container.search.counts.degraded == {"embedding": 1, "index": 1}


@faults
async def test_without_any_index_there_is_no_answer(world: FaultySearch, fault: Mood) -> None:
    assert world.fallback is not None
    world.index.mood = world.fallback.mood = fault

    with pytest.raises(IndexUnavailable):
        await world.ask()


@faults
async def test_an_index_without_a_fallback_refuses_soon_at_once(lonely: FaultySearch, fault: Mood) -> None:
    lonely.index.mood = fault
    before = lonely.index.calls

    for _ in range(ENOUGH_FAILURES + 5):
        with pytest.raises(IndexUnavailable):
            await lonely.ask()

    assert lonely.index.calls == before + ENOUGH_FAILURES


async def test_a_model_that_was_never_there_keeps_nobody_waiting_for_ever(migrated_dir: Path) -> None:
    async with faulty_search(migrated_dir) as world:
        world.embedder.mood = Mood.HANGING

        assert (await world.ask()).degraded == ("embedding",)


async def test_without_a_deadline_nothing_is_done_without(migrated_dir: Path) -> None:
    async with faulty_search(migrated_dir, has_fallback=True, deadline_s=0) as world:
        world.index.mood = Mood.REFUSING
        with pytest.raises(IndexUnavailable):
            await world.ask()

        world.index.mood, world.index.reading.mood = Mood.WELL, Mood.REFUSING
        with pytest.raises(IndexUnavailable):
            await world.ask(TWO_SUBJECTS)

        world.embedder.mood = Mood.REFUSING
        with pytest.raises(EmbedderUnavailable):
            await world.ask()


async def test_a_question_that_was_asked_before_needs_no_part_that_is_down(migrated_dir: Path) -> None:
    async with faulty_search(migrated_dir, cache_entries=10) as world:
        whole = await world.ask()
        world.embedder.mood = world.index.mood = Mood.REFUSING

        again = await world.ask()

        assert again.degraded == () and again.passages == whole.passages


async def test_what_was_found_without_a_part_is_not_kept(migrated_dir: Path) -> None:
    async with faulty_search(migrated_dir, has_fallback=True, cache_entries=10) as world:
        world.embedder.mood = world.index.mood = Mood.REFUSING
        await world.ask()

        world.embedder.mood = world.index.mood = Mood.WELL

        assert (await world.ask()).degraded == ()


async def test_a_killed_index_host_is_replaced_until_it_is_back(migrated_dir: Path) -> None:
    with running_host() as host:
        client = IndexClient(host.socket, PATIENCE_S)
        async with faulty_search(migrated_dir, index=client, has_fallback=True, deadline_s=PATIENCE_S) as world:
            whole = await world.ask()
            host.kill()
            degraded = await world.ask()
            host.start_again()

            async def is_whole() -> bool:
                return (await world.ask()).degraded == ()

            await until(is_whole)
            await client.aclose()

    assert (whole.degraded, degraded.degraded) == ((), ("index",))
    assert [one.chunk_id for one in degraded.passages] == [one.chunk_id for one in whole.passages]
