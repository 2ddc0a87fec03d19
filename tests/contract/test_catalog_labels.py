import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.errors import Conflict, NotFound
from tests.contract.catalog_values import CORPUS, START, SYSTEM, add_corpus, hold, preview, publish


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    for name in "ab":
        await publish(catalog, name)
    return catalog


async def test_labels_stand_for_versions(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        for label, number in (("stable", 2), ("audited", 1), ("2026", 1)):
            await transaction.versions.label(SYSTEM, CORPUS, label, number, START)

        assert await transaction.versions.labels(SYSTEM, CORPUS) == {"2026": 1, "audited": 1, "stable": 2}


async def test_a_label_is_taken_from_another_version(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        for number in (1, 2):
            await transaction.versions.label(SYSTEM, CORPUS, "stable", number, START)

        assert await transaction.versions.labels(SYSTEM, CORPUS) == {"stable": 2}


async def test_a_label_is_removed_once(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.versions.label(SYSTEM, CORPUS, "stable", 1, START)
        await transaction.versions.unlabel(SYSTEM, CORPUS, "stable")

        assert await transaction.versions.labels(SYSTEM, CORPUS) == {}
        with pytest.raises(NotFound):
            await transaction.versions.unlabel(SYSTEM, CORPUS, "stable")


async def test_a_version_that_may_be_taken_back_gets_no_label(catalog: SqlCatalog) -> None:
    version = await preview(catalog, await hold(catalog, "c"))
    async with catalog.writing() as transaction:
        with pytest.raises(Conflict, match="never published"):
            await transaction.versions.label(SYSTEM, CORPUS, "stable", version.number, START)
