"""What every VectorIndex gives back of the vectors it was given."""

import numpy as np
import pytest

from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.point_payload import payload_of
from tests.contract.index_backends import build, host, index
from tests.contract.index_points import dense, found, point, point_id, points

__all__ = ["build", "host", "index"]  # fixtures


async def test_points_come_back_with_their_vectors(index: VectorIndex, build: str) -> None:
    written = [point("a", terms={7: 1.5, 3: 0.25}), point("b", died=2), point("c", corpus="other")]
    await index.write(build, written)

    read = [each async for page in index.points(build) for each in page]

    assert [each.id for each in read] == sorted(each.id for each in written)
    for mine in read:
        [theirs] = [each for each in written if each.id == mine.id]
        assert mine.dense == pytest.approx(theirs.dense, abs=1e-6)
        assert dict(zip(mine.sparse.indices, mine.sparse.values, strict=True)) == pytest.approx(
            dict(zip(theirs.sparse.indices, theirs.sparse.values, strict=True))
        )
        assert payload_of(mine) == payload_of(theirs)


async def test_the_vectors_of_points_are_read_by_their_ids(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b"), point("dead", died=1)])
    await index.purge(build, [point_id("b")])

    vectors = await index.dense_vectors(build, [point_id(name) for name in ("dead", "a", "b", "unknown")])

    assert set(vectors) == {point_id("a"), point_id("dead")}
    np.testing.assert_allclose(vectors[point_id("a")], dense("a"), atol=1e-6)


async def test_the_vector_of_a_point_written_again_is_the_new_one(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b")])
    await index.optimise(build)
    await index.write(build, [point("a", vector=dense("other"))])

    vectors = await index.dense_vectors(build, [point_id("a")])

    np.testing.assert_allclose(vectors[point_id("a")], dense("other"), atol=1e-6)


async def test_vectors_follow_what_changes_after_a_search(index: VectorIndex, build: str) -> None:
    names = ("a", "b", "c")
    await index.write(build, [point(name) for name in names])
    assert len(await found(index, build)) == len(names)
    await index.write(build, [point("a", vector=dense("other"))])
    await index.purge(build, [point_id("b")])

    vectors = await index.dense_vectors(build, [point_id(name) for name in names])

    assert set(vectors) == {point_id("a"), point_id("c")}
    np.testing.assert_allclose(vectors[point_id("a")], dense("other"), atol=1e-6)


async def test_there_are_no_vectors_in_a_build_that_does_not_exist(index: VectorIndex, build: str) -> None:
    assert await index.dense_vectors(build, [point_id("a")]) == {}


async def test_a_reading_of_points_goes_on_after_the_last_one(index: VectorIndex, build: str) -> None:
    await index.write(build, points("a", 1_200))
    everything = [each.id async for page in index.points(build) for each in page]

    rest = [each.id async for page in index.points(build, after=everything[699]) for each in page]

    assert len(everything) == 1_200
    assert rest == everything[700:]
