"""The rules of whole builds that every VectorIndex keeps: rebuilt while they are used, emptied, dropped."""

import asyncio
from contextlib import suppress

import numpy as np
import pytest

from rag_service.domain.ids import CorpusId
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import VectorIndex
from tests.contract.index_backends import build, host, index
from tests.contract.index_points import (
    CORPUS,
    DIMENSIONS,
    assert_same,
    chunks,
    found,
    listed,
    point,
    point_id,
    points,
    query,
)

__all__ = ["build", "host", "index"]  # fixtures


async def test_a_corpus_can_be_removed_from_a_build(index: VectorIndex, build: str) -> None:
    await index.write(build, [*points("p", 5_003), point("dead", died=2), point("b", corpus="other")])

    await index.remove_corpus(build, CORPUS)

    assert await index.corpora(build) == {"other": 1}
    assert await found(index, build) == []
    assert chunks(await found(index, build, corpus="other")) == ["b"]


async def test_a_corpus_that_was_removed_can_be_written_again(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b")])
    await index.remove_corpus(build, CORPUS)
    await index.remove_corpus(build, CORPUS)

    await index.write(build, [point("a")])

    assert chunks(await found(index, build)) == ["a"]


async def test_a_dropped_build_is_gone_and_no_other(index: VectorIndex, build: str) -> None:
    await index.write(build, points("p", 5))
    await index.write(f"{build}-2", [point("b")])

    await index.drop(build)

    assert await found(index, build) == []
    assert build not in (builds := await index.builds())
    assert builds[f"{build}-2"] == 1


async def test_a_dropped_build_can_be_written_anew_even_with_other_dimensions(index, build: str) -> None:
    await index.write(build, [point("a")])
    await index.drop(build)
    wide = np.ones(2 * DIMENSIONS, dtype=np.float32)

    await index.write(build, [point("b", vector=wide)])

    assert chunks(await found(index, build, asked=query(wide))) == ["b"]


@pytest.mark.parametrize("work", ["optimise", "compact"])
async def test_a_build_can_be_dropped_while_it_is_rebuilt(index: VectorIndex, build: str, work: str) -> None:
    await index.write(build, points("p", 400))
    rebuilding = asyncio.create_task(getattr(index, work)(build))
    await asyncio.sleep(0.05)

    await index.drop(build)

    with suppress(IndexUnavailable):
        await rebuilding
    assert build not in await index.builds()


@pytest.mark.parametrize("work", ["optimise", "compact"])
async def test_rebuilding_changes_no_answer(index: VectorIndex, build: str, work: str) -> None:
    await index.write(build, [*points("p", 300), point("termless", terms={}), point("dead", died=2)])
    before, states = await found(index, build, limit=10), await listed(index, build)

    await getattr(index, work)(build)

    assert_same(await found(index, build, limit=10), before)
    assert await listed(index, build) == states


async def test_what_was_purged_stays_away_from_a_compacted_build(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b")])
    await index.purge(build, [point_id("a")])

    await index.compact(build)

    assert chunks(await found(index, build)) == ["b"]
    assert (await index.builds())[build] == 1


async def test_a_build_whose_every_point_was_purged_can_be_compacted(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])
    await index.purge(build, [point_id("a")])

    await index.compact(build)
    await index.write(build, [point("b")])

    assert chunks(await found(index, build)) == ["b"]


async def test_compactions_at_the_same_time_all_succeed(index: VectorIndex, build: str) -> None:
    await index.write(build, points("p", 50))

    await asyncio.gather(*(index.compact(build) for _ in range(4)), index.optimise(build))

    assert len(await listed(index, build)) == 50


async def test_what_is_purged_while_a_build_is_compacted_is_gone(index: VectorIndex, build: str) -> None:
    await index.write(build, points("p", 400))
    compacting = asyncio.create_task(index.compact(build))
    await asyncio.sleep(0.05)

    await index.purge(build, [point_id("p7")])
    await index.remove_corpus(build, CorpusId("other"))
    await compacting

    assert len(await listed(index, build)) == 399


@pytest.mark.parametrize("work", ["optimise", "compact"])
async def test_searches_and_writes_go_on_while_a_build_is_rebuilt(index: VectorIndex, build: str, work: str) -> None:
    await index.write(build, points("p", 400))
    rebuilding = asyncio.create_task(getattr(index, work)(build))

    rounds = 0
    while not rebuilding.done() or rounds < 3:
        await index.write(build, [point(f"late{rounds}")])
        await index.retire(build, [point_id(f"p{rounds}")], at=2)
        assert len(await found(index, build, limit=10_000)) == 401 + rounds
        rounds += 1
        await asyncio.sleep(0.02)
    await rebuilding

    assert len(await listed(index, build)) == 400 + rounds
    assert len(await found(index, build, version=2, limit=1000)) == 400
