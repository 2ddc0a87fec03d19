import asyncio

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.pages import PageRequest
from rag_service.domain.versions import Publication
from rag_service.errors import Conflict, InvalidRequest, NotFound
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    READER,
    START,
    STRANGER,
    SYSTEM,
    add_corpus,
    at,
    hold,
    preview,
    publish,
    publish_in,
)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    for name in "abc":
        await publish(catalog, name)
    return catalog


async def switch(catalog: SqlCatalog, number: int, *, expected: int) -> Publication:
    async with catalog.writing() as transaction:
        return await transaction.corpora.publish(READER, CORPUS, number, expected=expected, now=at(5))


async def log(catalog: SqlCatalog, page: PageRequest | None = None) -> list[tuple[int, int, int]]:
    async with catalog.reading() as transaction:
        found = await transaction.corpora.publications(SYSTEM, CORPUS, page or PageRequest())
    return [(one.sequence, one.previous, one.number) for one in found.items]


async def test_a_rollback_is_a_row_like_any_other(catalog: SqlCatalog) -> None:
    publication = await switch(catalog, 1, expected=3)

    assert publication == Publication(
        corpus_id=CORPUS, sequence=4, number=1, previous=3, key_id=READER.key_id, created_at=at(5)
    )
    assert await log(catalog) == [(4, 3, 1), (3, 2, 3), (2, 1, 2), (1, 0, 1)]
    async with catalog.reading() as transaction:
        held = await transaction.corpora.get(SYSTEM, CORPUS)
        assert (held.published, held.highest) == (1, 3)


async def test_the_log_is_read_in_pages(catalog: SqlCatalog) -> None:
    assert await log(catalog, PageRequest(limit=1)) == [(3, 2, 3)]
    assert await log(catalog, PageRequest(after="3", limit=1)) == [(2, 1, 2)]
    with pytest.raises(InvalidRequest):
        await log(catalog, PageRequest(after="x"))


async def test_what_was_published_meanwhile_is_not_overwritten(catalog: SqlCatalog) -> None:
    with pytest.raises(Conflict, match="Version 2 is not the published one"):
        await switch(catalog, 1, expected=2)

    assert len(await log(catalog)) == 3


async def test_what_is_published_is_not_published_again(catalog: SqlCatalog) -> None:
    with pytest.raises(Conflict, match="published already"):
        await switch(catalog, 3, expected=3)


async def test_of_several_that_publish_at_once_one_wins(catalog: SqlCatalog) -> None:
    outcomes = await asyncio.gather(
        *(switch(catalog, number, expected=3) for number in (1, 2, 1, 2)), return_exceptions=True
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "Conflict", "Conflict", "Publication"]
    assert len(await log(catalog)) == 4


async def test_a_rollback_during_a_seal_keeps_it_from_being_published(catalog: SqlCatalog) -> None:
    version = await preview(catalog, await hold(catalog, "d"))

    outcomes = await asyncio.gather(
        switch(catalog, 1, expected=3), switch(catalog, version.number, expected=3), return_exceptions=True
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "Publication"]


async def test_when_a_version_was_first_published_stays(catalog: SqlCatalog) -> None:
    version = await preview(catalog, await hold(catalog, "d"))
    async with catalog.writing() as transaction:
        await publish_in(transaction, version)
    await switch(catalog, 3, expected=4)
    await switch(catalog, 4, expected=3)

    async with catalog.reading() as transaction:
        assert (await transaction.versions.get(SYSTEM, CORPUS, 4)).published_at == START


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_the_log_outside_the_scope_is_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.writing() as transaction:
        with pytest.raises(NotFound):
            await transaction.corpora.publications(scope, CORPUS, PageRequest())
        with pytest.raises(NotFound):
            await transaction.corpora.publish(scope, CORPUS, 1, expected=3, now=START)
