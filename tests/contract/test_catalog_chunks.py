from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import EVERYONE, AccessScope
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, Fingerprint
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows
from rag_service.errors import NotFound
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    FINGERPRINT,
    READER,
    STRANGER,
    SYSTEM,
    add_corpus,
    chunk,
    member,
    prepare,
    publish,
    remove,
    seal,
    upload,
)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    await publish(catalog, "a", "b")
    return catalog


async def seen(
    catalog: SqlCatalog, *names: str, scope: AccessScope = READER, version: int = 1, corpus_id: CorpusId = CORPUS
) -> set[str]:
    ids = [chunk(name).id for name in names]
    async with catalog.reading() as transaction:
        passages = await transaction.chunks.passages(scope, corpus_id, version, ids)
    return {passage.filename for passage in passages.values()}


async def test_chunks_come_back_in_order(catalog: SqlCatalog) -> None:
    chunks = [chunk("a", ordinal=ordinal) for ordinal in range(3)]
    async with catalog.writing() as transaction:
        await transaction.chunks.replace(SYSTEM, FINGERPRINT, {member("a"): chunks[::-1]})

        found = await transaction.chunks.of_members(SYSTEM, FINGERPRINT, [member("a")])

    assert found == {member("a"): chunks}


async def test_chunks_can_be_set_again(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        for _ in range(2):
            await transaction.chunks.replace(SYSTEM, FINGERPRINT, {member("a"): [chunk("a")]})

        found = await transaction.chunks.of_members(SYSTEM, FINGERPRINT, [member("a")])

    assert found == {member("a"): [chunk("a")]}


async def test_chunks_of_members_come_together(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        found = await transaction.chunks.of_members(SYSTEM, FINGERPRINT, [member("a"), member("b"), member("c")])

    assert found == {member("a"): [chunk("a")], member("b"): [chunk("b")]}


async def test_another_build_has_chunks_of_its_own(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.chunks.of_members(SYSTEM, Fingerprint("other"), [member("a")]) == {}


async def test_rows_of_tables_come_back_with_their_chunk_and_its_passage(catalog: SqlCatalog) -> None:
    sheet = TableRows(span=Span(6, 10), row=4, table="Prices", columns=(1, 6))
    made = replace(chunk("a"), table_rows=(sheet, TableRows(span=Span(11, 19), row=9)))
    async with catalog.writing() as transaction:
        await transaction.chunks.replace(SYSTEM, FINGERPRINT, {member("a"): [made]})

        found = await transaction.chunks.of_members(SYSTEM, FINGERPRINT, [member("a")])
        passages = await transaction.chunks.passages(READER, CORPUS, 1, [made.id])

    assert found == {member("a"): [made]}
    assert (passages[made.id].table_rows, passages[made.id].location) == (made.table_rows, "Prices!A4:F4")


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_chunks_outside_the_scope_are_not_there(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.writing() as transaction:
        assert await transaction.chunks.of_members(scope, FINGERPRINT, [member("a")]) == {}
        with pytest.raises(NotFound):
            await transaction.chunks.replace(scope, FINGERPRINT, {member("a"): []})


async def test_a_passage_says_where_it_is_from(catalog: SqlCatalog) -> None:
    made = chunk("a")
    async with catalog.reading() as transaction:
        passage = (await transaction.chunks.passages(READER, CORPUS, 1, [made.id]))[made.id]

    assert (passage.document_id, passage.revision, passage.title) == ("doc_a", 1, "Head")
    assert (passage.file_id, passage.filename) == ("file_a", "a.md")
    assert (passage.text, passage.span, passage.headings) == (made.text, made.span, made.headings)
    assert passage.page_starts == made.page_starts
    assert passage.attributes == {"lang": "en", "year": 2026.5, "draft": True}
    assert (passage.rank, passage.score, passage.dense_score, passage.sparse_score) == (0, 0.0, 0.0, 0.0)


async def test_passages_unknown_are_left_out(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.chunks.passages(READER, CORPUS, 1, [ChunkId("unknown")]) == {}
        assert await transaction.chunks.passages(READER, CORPUS, 1, []) == {}


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE, replace(READER, principals=frozenset())])
async def test_passages_outside_the_scope_are_left_out(catalog: SqlCatalog, scope: AccessScope) -> None:
    assert await seen(catalog, "a", scope=scope) == set()


async def test_passages_of_another_corpus_are_left_out(catalog: SqlCatalog) -> None:
    assert await seen(catalog, "a", corpus_id=CorpusId("vs_other")) == set()


@pytest.mark.parametrize("version", [0, 2**60, 10**30, -1])
async def test_passages_are_not_seen_at_versions_that_are_none(catalog: SqlCatalog, version: int) -> None:
    assert await seen(catalog, "a", version=version) == set()


async def test_rights_are_those_of_now_at_every_version(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.documents.grant(SYSTEM, DocumentId("doc_a"), frozenset({"hr"}))

    assert await seen(catalog, "a", "b") == {"b.md"}
    assert await seen(catalog, "a", "b", scope=replace(READER, principals=frozenset({EVERYONE, "hr"}))) == {
        "a.md",
        "b.md",
    }


async def test_a_removed_document_is_seen_at_the_version_before(catalog: SqlCatalog) -> None:
    await seal(catalog, await remove(catalog, "a"))

    assert await seen(catalog, "a", "b", version=1) == {"a.md", "b.md"}
    assert await seen(catalog, "a", "b", version=2) == {"b.md"}


async def test_an_unpublished_document_is_not_seen(catalog: SqlCatalog) -> None:
    await upload(catalog, "c")
    await prepare(catalog, "c")

    assert await seen(catalog, "c", scope=SYSTEM) == set()
