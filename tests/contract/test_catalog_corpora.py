import asyncio
from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId
from rag_service.domain.pages import PageRequest
from rag_service.errors import Conflict, NotFound
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    READER,
    START,
    STRANGER,
    SYSTEM,
    THEIRS,
    add_corpus,
    corpus,
    document,
    prepare,
    publish,
    remove,
    upload,
)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


@pytest.mark.parametrize("ref", ["handbook", "vs_handbook"])
async def test_a_corpus_is_found_by_name_and_by_id(catalog: SqlCatalog, ref: str) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.corpora.get(SYSTEM, ref) == corpus()


async def test_the_rights_epoch_of_one_corpus_is_raised(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.corpora.add(SYSTEM, corpus("other"))
        for scope in (SYSTEM, SYSTEM, STRANGER):
            await transaction.corpora.raise_rights_epoch(scope, CORPUS)

    async with catalog.reading() as transaction:
        found = [await transaction.corpora.get(SYSTEM, name) for name in ("handbook", "other")]
    assert [one.rights_epoch for one in found] == [2, 0]


@pytest.mark.parametrize("weight", [0.0, 0.3, None])
async def test_a_corpus_has_a_fusion_weight_of_its_own_until_it_is_taken_back(
    catalog: SqlCatalog, weight: float | None
) -> None:
    async with catalog.writing() as transaction:
        await transaction.corpora.add(SYSTEM, corpus("other"))
        await transaction.corpora.set_dense_weight(SYSTEM, CORPUS, 0.5)
        await transaction.corpora.set_dense_weight(SYSTEM, CORPUS, weight)
        await transaction.corpora.set_dense_weight(STRANGER, CORPUS, 0.9)

    async with catalog.reading() as transaction:
        found = [await transaction.corpora.get(SYSTEM, name) for name in ("handbook", "other")]
    assert [one.dense_weight for one in found] == [weight, None]


async def test_an_id_wins_over_a_corpus_that_is_named_like_it(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.corpora.add(SYSTEM, replace(corpus("impostor"), name="vs_handbook"))

        assert (await transaction.corpora.get(SYSTEM, "vs_handbook")).id == CORPUS


async def test_a_name_is_taken_once_in_a_tenant(catalog: SqlCatalog) -> None:
    same_name = replace(corpus(), id=CorpusId("vs_other"))
    async with catalog.writing() as transaction:
        with pytest.raises(Conflict):
            await transaction.corpora.add(SYSTEM, same_name)

        await transaction.corpora.add(STRANGER, replace(same_name, tenant_id=THEIRS))


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_a_corpus_outside_the_scope_is_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.writing() as transaction:
        assert list((await transaction.corpora.list(scope, PageRequest())).items) == []
        with pytest.raises(NotFound):
            await transaction.corpora.get(scope, "handbook")
        with pytest.raises(NotFound):
            await transaction.corpora.lock(scope, CORPUS)
        with pytest.raises(NotFound):
            await transaction.corpora.publish(scope, CORPUS, 1, expected=0, now=START)


async def test_a_version_outside_the_scope_cannot_be_published(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")

    async with catalog.writing() as transaction:
        with pytest.raises(NotFound):
            await transaction.corpora.publish(STRANGER, CORPUS, 1, expected=0, now=START)


async def test_corpora_are_listed_by_time(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.corpora.add(SYSTEM, corpus("newer", seconds=1))
        page = await transaction.corpora.list(SYSTEM, PageRequest(limit=1))

    assert [item.name for item in page.items] == ["newer"]
    assert page.has_more


async def test_those_who_lock_a_corpus_come_one_after_the_other(catalog: SqlCatalog) -> None:
    steps = []

    async def work(name: str) -> None:
        async with catalog.writing() as transaction:
            locked = await transaction.corpora.lock(SYSTEM, CORPUS)
            steps.append((name, locked.id))
            await asyncio.sleep(0.05)
            steps.append((name, locked.id))

    await asyncio.gather(*(work(name) for name in "abc"))

    assert steps[::2] == steps[1::2]
    assert {corpus_id for _, corpus_id in steps} == {CORPUS}


@pytest.mark.parametrize("number", [1, -1, 10**30])
async def test_what_is_not_sealed_cannot_be_published(catalog: SqlCatalog, number: int) -> None:
    async with catalog.writing() as transaction:
        with pytest.raises(NotFound):
            await transaction.corpora.publish(SYSTEM, CORPUS, number, expected=0, now=START)


async def test_files_are_counted_by_state(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    await upload(catalog, "c")
    await upload(catalog, "d")
    async with catalog.writing() as transaction:
        await transaction.documents.mark_failed(SYSTEM, document("d").id, 1, reason=ReasonCode.NO_TEXT, detail="")

        counts = await transaction.corpora.file_counts(SYSTEM, CORPUS)

    assert counts == {"in_progress": 1, "completed": 2, "failed": 1, "total": 4, "size_bytes": 40}


async def test_a_file_that_is_prepared_but_not_published_is_in_progress(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await prepare(catalog, "a")

    async with catalog.reading() as transaction:
        assert (await transaction.corpora.file_counts(SYSTEM, CORPUS))["in_progress"] == 1


async def states_listed(transaction: Transaction) -> dict[str, int]:
    """Count a corpus's files in the way that people would: in its lists."""
    found = {
        status: len((await transaction.documents.list_revisions(SYSTEM, CORPUS, PageRequest(), status=status)).items)
        for status in ("in_progress", "completed", "failed")
    }
    return found | {"total": sum(found.values())}


async def fail(catalog: SqlCatalog, name: str, number: int = 1) -> None:
    async with catalog.writing() as transaction:
        document_id = document(name).id
        await transaction.documents.mark_failed(SYSTEM, document_id, number, reason=ReasonCode.NO_TEXT, detail="")


async def test_files_are_counted_as_they_are_listed(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b", "c", "d", "e")
    await publish(catalog, "f")
    await upload(catalog, "b", 2)
    await upload(catalog, "c", 2)
    await fail(catalog, "c", 2)
    await remove(catalog, "d")
    await upload(catalog, "g")
    await upload(catalog, "h")
    await fail(catalog, "h")
    for published, before in ((1, 2), (2, 1)):  # at 1, after a rollback, f is listed no more
        async with catalog.writing() as transaction:
            await transaction.corpora.publish(SYSTEM, CORPUS, published, expected=before, now=START)
            counts = dict(await transaction.corpora.file_counts(SYSTEM, CORPUS))
            counts.pop("size_bytes")

            assert counts == await states_listed(transaction)
            assert counts["total"] == {2: 7, 1: 6}[published]


async def test_documents_not_granted_are_not_counted(catalog: SqlCatalog) -> None:
    await upload(catalog, "a", principals=frozenset({"hr"}))

    async with catalog.reading() as transaction:
        assert (await transaction.corpora.file_counts(READER, CORPUS))["total"] == 0
        assert (await transaction.corpora.file_counts(SYSTEM, CORPUS))["total"] == 1
