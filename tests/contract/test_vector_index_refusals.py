"""Vectors that every VectorIndex refuses, written or asked for."""

import numpy as np
import pytest

from rag_service.errors import InvalidRequest
from rag_service.ports.vector_index import VectorIndex
from tests.contract.index_backends import build, host, index
from tests.contract.index_points import DIMENSIONS, chunks, found, point, point_id, query

__all__ = ["build", "host", "index"]  # fixtures

_BAD_VECTORS = [
    np.zeros(DIMENSIONS, dtype=np.float32),
    np.full(DIMENSIONS, np.nan, dtype=np.float32),
    np.full(DIMENSIONS, np.inf, dtype=np.float32),
    np.ones(DIMENSIONS + 1, dtype=np.float32),
    np.full(DIMENSIONS, 1e-20, dtype=np.float32),
    np.full(DIMENSIONS, 1e30, dtype=np.float32),
]
_BAD_NAMES = ["zero", "nan", "infinite", "dimensions", "too short", "too long"]


@pytest.mark.parametrize("bad", _BAD_VECTORS, ids=_BAD_NAMES)
async def test_a_batch_with_a_vector_that_cannot_be_used_is_refused_whole(index, build: str, bad) -> None:
    await index.write(build, [point("a")])

    with pytest.raises(InvalidRequest):
        await index.write(build, [point("b"), point("c", vector=bad)])

    assert chunks(await found(index, build)) == ["a"]


@pytest.mark.parametrize("bad", _BAD_VECTORS, ids=_BAD_NAMES)
async def test_a_query_with_a_vector_that_cannot_be_used_is_refused(index, build: str, bad) -> None:
    await index.write(build, [point("a")])

    with pytest.raises(InvalidRequest):
        await found(index, build, asked=query(bad))


async def test_the_first_batch_of_a_build_must_agree_on_the_dimensions(index: VectorIndex, build: str) -> None:
    with pytest.raises(InvalidRequest):
        await index.write(build, [point("a"), point("b", vector=np.ones(DIMENSIONS + 1, dtype=np.float32))])

    assert build not in await index.builds()


async def test_a_build_keeps_its_dimensions_when_its_last_point_is_purged(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])
    await index.purge(build, [point_id("a")])

    with pytest.raises(InvalidRequest):
        await index.write(build, [point("b", vector=np.ones(DIMENSIONS + 1, dtype=np.float32))])


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 0.0, -1.0])
async def test_a_sparse_vector_with_a_weight_that_cannot_be_used_is_refused(index, build: str, weight: float) -> None:
    with pytest.raises(InvalidRequest):
        await index.write(build, [point("a", terms={1: weight})])
