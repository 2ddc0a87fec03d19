import asyncio

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.pages import PageRequest
from rag_service.errors import CatalogUnavailable, Conflict, InvalidRequest, NotFound
from tests.contract.catalog_values import OURS, SYSTEM, add_corpus, add_tenants, corpus, stored_file


async def add_a_file_and_fail(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await add_tenants(transaction)
        await transaction.files.add(SYSTEM, stored_file("a"))
        raise RuntimeError


async def names(catalog: SqlCatalog) -> set[str]:
    async with catalog.reading() as transaction:
        return {item.name for item in (await transaction.corpora.list(SYSTEM, PageRequest(limit=100))).items}


async def test_a_block_that_raises_leaves_nothing_behind(catalog: SqlCatalog) -> None:
    with pytest.raises(RuntimeError):
        await add_a_file_and_fail(catalog)

    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.files.get(SYSTEM, stored_file("a").id)


async def test_a_reader_sees_one_state_while_another_writes(catalog: SqlCatalog) -> None:
    await add_corpus(catalog)

    async with catalog.reading() as reader:
        before = await reader.corpora.list(SYSTEM, PageRequest())
        async with catalog.writing() as writer:
            await writer.corpora.add(SYSTEM, corpus("another"))
        after = await reader.corpora.list(SYSTEM, PageRequest())

    assert after == before


async def test_each_look_of_a_glance_sees_the_newest_state(catalog: SqlCatalog) -> None:
    await add_corpus(catalog)

    async with catalog.glancing() as glance:
        await glance.corpora.get(SYSTEM, "handbook")
        async with catalog.writing() as writer:
            await writer.corpora.add(SYSTEM, corpus("another"))

        assert (await glance.corpora.get(SYSTEM, "another")).name == "another"


async def test_after_a_glance_a_reader_sees_one_state_again(catalog: SqlCatalog) -> None:
    await add_corpus(catalog)
    async with catalog.glancing() as glance:
        await glance.corpora.get(SYSTEM, "handbook")

    async with catalog.reading() as reader:
        before = await reader.corpora.list(SYSTEM, PageRequest())
        async with catalog.writing() as writer:
            await writer.corpora.add(SYSTEM, corpus("another"))

        assert await reader.corpora.list(SYSTEM, PageRequest()) == before


async def test_a_reading_transaction_cannot_write(catalog: SqlCatalog) -> None:
    with pytest.raises(CatalogUnavailable):
        async with catalog.reading() as transaction:
            await transaction.keys.add_tenant(OURS, "Ours")


async def test_writers_that_read_first_do_not_lose_each_others_work(catalog: SqlCatalog) -> None:
    await add_corpus(catalog)

    async def read_and_add(name: str) -> None:
        async with catalog.writing() as transaction:
            await transaction.corpora.get(SYSTEM, "handbook")
            await asyncio.sleep(0.01)
            await transaction.corpora.add(SYSTEM, corpus(name))

    await asyncio.gather(*(read_and_add(name) for name in "abcd"))

    assert await names(catalog) == {"handbook", *"abcd"}


async def test_two_processes_can_write_in_turn(catalog: SqlCatalog, catalog_url: str) -> None:
    await add_corpus(catalog)

    async def add_each(opened: SqlCatalog, new: str) -> None:
        for name in new:
            async with opened.writing() as transaction:
                await transaction.corpora.add(SYSTEM, corpus(name))

    async with open_catalog(catalog_url) as other:
        await asyncio.gather(add_each(catalog, "abcde"), add_each(other, "fghij"))

    assert await names(catalog) == {"handbook", *"abcdefghij"}


async def test_a_reference_to_nothing_is_a_conflict(catalog: SqlCatalog) -> None:
    with pytest.raises(Conflict):
        async with catalog.writing() as transaction:
            await transaction.files.add(SYSTEM, stored_file("a"))


async def test_a_null_character_in_a_name_is_found_nowhere_or_refused(catalog: SqlCatalog) -> None:
    with pytest.raises((NotFound, InvalidRequest)):
        async with catalog.reading() as transaction:
            await transaction.corpora.get(SYSTEM, "hand\x00book")
