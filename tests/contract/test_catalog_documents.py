from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import EVERYONE, AccessScope
from rag_service.domain.documents import RevisionState
from rag_service.domain.fingerprints import parsed_with_ocr
from rag_service.domain.ids import DocumentId
from rag_service.domain.pages import PageRequest
from rag_service.domain.spans import Span, sha256_of
from rag_service.domain.table_rows import TableRows
from rag_service.errors import InvalidRequest, NotFound
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    PARSED,
    READER,
    STRANGER,
    SYSTEM,
    add_corpus,
    document,
    prepare,
    prepared,
    publish,
    remove,
    revision,
    seal,
    stored_file,
    upload,
)

HR = frozenset({"hr"})
FIRST_PAGE = PageRequest()
HR_READER = replace(READER, principals=frozenset({EVERYONE, "hr"}))


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


async def fail(catalog: SqlCatalog, name: str, number: int = 1) -> None:
    async with catalog.writing() as transaction:
        document_id = DocumentId(f"doc_{name}")
        await transaction.documents.mark_failed(SYSTEM, document_id, number, reason=ReasonCode.NO_TEXT, detail="scan")


async def listed(catalog: SqlCatalog, status: str | None = None, page: PageRequest = FIRST_PAGE) -> str:
    async with catalog.reading() as transaction:
        found = await transaction.documents.list_revisions(SYSTEM, CORPUS, page, status=status)
    return " ".join(f"{item.filename[0]}{item.number}" for item in found.items)


async def test_a_document_comes_back_as_it_was(catalog: SqlCatalog) -> None:
    await upload(catalog, "a", principals=HR)

    async with catalog.reading() as transaction:
        assert await transaction.documents.get(SYSTEM, document("a").id) == document("a", principals=HR)


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE, READER])
async def test_a_document_outside_the_scope_is_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    await upload(catalog, "a", principals=HR)
    await prepare(catalog, "a")
    document_id = document("a").id

    async with catalog.writing() as transaction:
        documents = transaction.documents
        assert await documents.principals(scope, [document_id]) == {}
        assert list((await documents.list_revisions(scope, CORPUS, PageRequest())).items) == []
        for call in (
            documents.get(scope, document_id),
            documents.grant(scope, document_id, HR),
            documents.revision(scope, document_id, 1),
            documents.by_file(scope, CORPUS, stored_file("a").id),
            documents.mark_prepared(scope, [prepared(document_id)]),
            documents.mark_failed(scope, document_id, 1, reason=ReasonCode.DAMAGED, detail=""),
            documents.parsed(scope, document_id, 1),
        ):
            with pytest.raises(NotFound):
                await call


async def test_granting_replaces_who_may_see(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")

    async with catalog.writing() as transaction:
        await transaction.documents.grant(SYSTEM, document("a").id, HR)

        assert await transaction.documents.principals(SYSTEM, [document("a").id]) == {document("a").id: HR}


async def test_a_document_granted_to_nobody_is_seen_by_workers_only(catalog: SqlCatalog) -> None:
    await upload(catalog, "a", principals=frozenset())

    async with catalog.reading() as transaction:
        assert await transaction.documents.principals(SYSTEM, [document("a").id]) == {document("a").id: frozenset()}
        assert await transaction.documents.principals(READER, [document("a").id]) == {}


async def test_a_revision_comes_back_as_it_was(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")

    async with catalog.reading() as transaction:
        assert await transaction.documents.revision(SYSTEM, document("a").id, 1) == revision("a")


@pytest.mark.parametrize("number", [2, -1, 10**30])
async def test_a_revision_that_is_not_there_is_not_found(catalog: SqlCatalog, number: int) -> None:
    await upload(catalog, "a")

    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.documents.revision(SYSTEM, document("a").id, number)
        with pytest.raises(NotFound):
            await transaction.documents.parsed(SYSTEM, document("a").id, number)


async def test_a_prepared_revision_says_what_was_found_in_it(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await prepare(catalog, "a")

    async with catalog.reading() as transaction:
        found = await transaction.documents.revision(SYSTEM, document("a").id, 1)

    assert (found.state, found.title, found.page_count, found.chunk_count) == (RevisionState.PREPARED, "Head", 2, 1)
    assert found.text_sha256 == sha256_of(PARSED.text)


@pytest.mark.parametrize(
    ("languages", "fingerprint"),
    [(None, "parsers-1"), ("", parsed_with_ocr("")), ("eng", parsed_with_ocr("eng"))],
)
async def test_a_prepared_revision_says_how_its_scanned_pages_were_read(
    catalog: SqlCatalog, languages: str | None, fingerprint: str
) -> None:
    await upload(catalog, "a")
    async with catalog.writing() as transaction:
        read = replace(prepared(document("a").id), parsed=replace(PARSED, ocr_languages=languages))
        await transaction.documents.mark_prepared(SYSTEM, [read])

    async with catalog.reading() as transaction:
        found = await transaction.documents.revision(SYSTEM, document("a").id, 1)

    assert found.parser_fingerprint == fingerprint


async def test_the_canonical_text_comes_back_with_its_blocks(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await prepare(catalog, "a")
    await prepare(catalog, "a")

    async with catalog.reading() as transaction:
        assert await transaction.documents.parsed(SYSTEM, document("a").id, 1) == PARSED


async def test_the_rows_of_a_table_come_back_with_its_block(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    rows = (TableRows(span=Span(6, 10), row=4, table="Prices", columns=(1, 6)), TableRows(span=Span(11, 19), row=9))
    parsed = replace(PARSED, blocks=(PARSED.blocks[0], replace(PARSED.blocks[1], table_rows=rows)))

    async with catalog.writing() as transaction:
        await transaction.documents.mark_prepared(SYSTEM, [replace(prepared(document("a").id), parsed=parsed)])
        found = await transaction.documents.parsed(SYSTEM, document("a").id, 1)

    assert found == parsed


async def test_a_revision_keeps_the_language_that_was_found_when_it_was_prepared_last(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    languages = []

    async with catalog.writing() as transaction:
        for language in ("de", None):
            one = replace(prepared(document("a").id), language=language)
            await transaction.documents.mark_prepared(SYSTEM, [one])
            languages.append((await transaction.documents.revision(SYSTEM, document("a").id, 1)).language)

    assert languages == ["de", None]


async def test_a_revision_in_preparation_has_no_text(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")

    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.documents.parsed(SYSTEM, document("a").id, 1)


async def test_a_failed_revision_says_why(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await fail(catalog, "a")

    async with catalog.reading() as transaction:
        found = await transaction.documents.revision(SYSTEM, document("a").id, 1)

    assert (found.state, found.reason, found.reason_detail) == (RevisionState.FAILED, ReasonCode.NO_TEXT, "scan")


async def test_a_late_failure_leaves_a_prepared_revision_as_it_is(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await prepare(catalog, "a")
    await fail(catalog, "a")

    async with catalog.reading() as transaction:
        found = await transaction.documents.revision(SYSTEM, document("a").id, 1)

    assert (found.state, found.reason) == (RevisionState.PREPARED, None)


async def test_a_file_leads_to_its_newest_revision(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await upload(catalog, "a", 2, seconds=1)

    async with catalog.reading() as transaction:
        assert (await transaction.documents.by_file(SYSTEM, CORPUS, stored_file("a").id)).number == 2


async def test_each_document_is_listed_once_at_its_newest_revision(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await upload(catalog, "b", seconds=1)
    await upload(catalog, "a", 2, seconds=2)

    assert await listed(catalog) == "a2 b1"


@pytest.mark.parametrize(("status", "expected"), [("in_progress", "c1"), ("completed", "b1 a1"), ("failed", "d1")])
async def test_a_list_is_narrowed_to_a_status(catalog: SqlCatalog, status: str, expected: str) -> None:
    await publish(catalog, "a", "b")
    await upload(catalog, "c", seconds=2)
    await upload(catalog, "d", seconds=3)
    await fail(catalog, "d")

    assert await listed(catalog, status) == expected


async def test_an_unknown_status_is_refused(catalog: SqlCatalog) -> None:
    with pytest.raises(InvalidRequest):
        await listed(catalog, "lost")


async def test_cursors_of_the_list_are_file_ids(catalog: SqlCatalog) -> None:
    for second, name in enumerate("abc"):
        await upload(catalog, name, seconds=second)

    assert await listed(catalog, page=PageRequest(limit=1, after="file_c")) == "b1"


async def test_a_removed_document_leaves_the_list_at_once_and_for_good(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")

    draft_id = await remove(catalog, "a")

    assert await listed(catalog) == "b1"
    await seal(catalog, draft_id)
    assert await listed(catalog) == "b1"
    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.documents.by_file(SYSTEM, CORPUS, stored_file("a").id)


async def test_a_failed_upload_stays_in_the_list_until_it_is_removed(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await fail(catalog, "a")
    await publish(catalog, "b")
    assert await listed(catalog, "failed") == "a1"

    await seal(catalog, await remove(catalog, "a"))

    assert await listed(catalog) == "b1"


async def test_a_revision_is_published_while_its_membership_lasts(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    draft_id = await upload(catalog, "a", 2)
    await prepare(catalog, "a", 2)

    async with catalog.reading() as transaction:
        documents = transaction.documents
        assert [await documents.is_published(SYSTEM, revision("a", number)) for number in (1, 2)] == [True, False]
        assert not await documents.is_published(STRANGER, revision("a"))

    await seal(catalog, draft_id)
    async with catalog.reading() as transaction:
        documents = transaction.documents
        assert [await documents.is_published(SYSTEM, revision("a", number)) for number in (1, 2)] == [False, True]
