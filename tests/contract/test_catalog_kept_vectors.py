import numpy as np
import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.spans import sha256_of
from tests.contract.catalog_values import OURS, THEIRS, add_tenants


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    async with catalog.writing() as transaction:
        await add_tenants(transaction)
    return catalog


def vectors(count: int) -> dict[str, np.ndarray]:
    rows = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    return {sha256_of(str(number)): row for number, row in enumerate(rows)}


async def test_vectors_come_back_bit_by_bit(catalog: SqlCatalog) -> None:
    made = vectors(1200)
    await catalog.kept_vectors.keep(OURS, "model", made)

    found = await catalog.kept_vectors.find(OURS, "model", [*made, sha256_of("unknown")])

    assert found.keys() == made.keys()
    assert all(np.array_equal(found[key], made[key]) and found[key].dtype == np.float32 for key in made)


async def test_the_first_vector_of_a_text_is_kept(catalog: SqlCatalog) -> None:
    made = vectors(1)
    (key,) = made
    await catalog.kept_vectors.keep(OURS, "model", made)

    await catalog.kept_vectors.keep(OURS, "model", {key: made[key] + 1})

    assert np.array_equal((await catalog.kept_vectors.find(OURS, "model", [key]))[key], made[key])


@pytest.mark.parametrize(("tenant", "embedder"), [(THEIRS, "model"), (OURS, "another model")])
async def test_vectors_are_kept_by_tenant_and_embedder(catalog: SqlCatalog, tenant: str, embedder: str) -> None:
    made = vectors(1)
    await catalog.kept_vectors.keep(OURS, "model", made)

    assert await catalog.kept_vectors.find(tenant, embedder, list(made)) == {}


async def test_nothing_is_found_among_no_hashes(catalog: SqlCatalog) -> None:
    await catalog.kept_vectors.keep(OURS, "model", {})

    assert await catalog.kept_vectors.find(OURS, "model", []) == {}
