import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.pages import PageRequest
from rag_service.errors import Conflict, InvalidRequest, NotFound
from tests.contract.catalog_values import STRANGER, SYSTEM, add_corpus, stored_file, upload


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    async with catalog.writing() as transaction:
        for second, name in enumerate("abcd"):
            await transaction.files.add(SYSTEM, stored_file(name, seconds=second))
    return catalog


async def names(catalog: SqlCatalog, page: PageRequest) -> tuple[str, bool]:
    async with catalog.reading() as transaction:
        found = await transaction.files.list(SYSTEM, page)
    return "".join(file.filename[0] for file in found.items), found.has_more


async def test_a_file_comes_back_as_it_was(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.files.get(SYSTEM, stored_file("a").id) == stored_file("a")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (PageRequest(), ("dcba", False)),
        (PageRequest(order="asc"), ("abcd", False)),
        (PageRequest(limit=2), ("dc", True)),
        (PageRequest(limit=2, after="file_c"), ("ba", False)),
        (PageRequest(limit=2, order="asc", after="file_a"), ("bc", True)),
        (PageRequest(limit=2, before="file_a"), ("cb", True)),
        (PageRequest(limit=2, order="asc", before="file_c"), ("ab", False)),
        (PageRequest(after="file_d", before="file_a"), ("cb", False)),
    ],
)
async def test_a_list_is_read_in_pages(catalog: SqlCatalog, page: PageRequest, expected: tuple[str, bool]) -> None:
    assert await names(catalog, page) == expected


async def test_an_unknown_cursor_is_refused(catalog: SqlCatalog) -> None:
    with pytest.raises(InvalidRequest, match="no item file_z"):
        await names(catalog, PageRequest(after="file_z"))


async def test_a_deleted_file_is_gone(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.files.delete(SYSTEM, stored_file("a").id)

        with pytest.raises(NotFound):
            await transaction.files.get(SYSTEM, stored_file("a").id)


async def test_a_file_in_a_corpus_cannot_be_deleted(catalog: SqlCatalog) -> None:
    await upload(catalog, "e")

    async with catalog.writing() as transaction:
        with pytest.raises(Conflict):
            await transaction.files.delete(SYSTEM, stored_file("e").id)


async def test_a_file_of_another_tenant_is_not_found(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        assert (await transaction.files.list(STRANGER, PageRequest())).items == []
        with pytest.raises(NotFound):
            await transaction.files.get(STRANGER, stored_file("a").id)
        with pytest.raises(NotFound):
            await transaction.files.delete(STRANGER, stored_file("a").id)
