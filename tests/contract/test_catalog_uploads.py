from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import EVERYONE, AccessScope
from rag_service.domain.ids import FileId, JobId
from rag_service.errors import Conflict, NotFound
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    READER,
    STRANGER,
    SYSTEM,
    add_corpus,
    document,
    new_upload,
    prepare,
    publish,
    remove,
    revision,
    stored_file,
    upload,
)

HR = frozenset({"hr"})
HR_READER = replace(READER, principals=frozenset({EVERYONE, "hr"}))


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


async def test_an_upload_writes_its_file_document_revision_and_job(catalog: SqlCatalog) -> None:
    new = new_upload("a")
    async with catalog.writing() as transaction:
        await transaction.uploads.add(SYSTEM, CORPUS, [new])

        assert await transaction.files.get(SYSTEM, new.file.id) == new.file
        assert await transaction.documents.get(SYSTEM, new.document.id) == new.document
        assert await transaction.documents.revision(SYSTEM, new.document.id, 1) == new.revision
        assert await transaction.jobs.get(SYSTEM, new.job.id) == replace(new.job, sequence=1)


async def test_what_is_known_under_a_key_is_the_newest_revision(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await upload(catalog, "a", 2)

    async with catalog.reading() as transaction:
        found = await transaction.uploads.known(SYSTEM, CORPUS, ["a.md", "b.md"])

    assert {key: (known.document, known.latest) for key, known in found.items()} == {
        "a.md": (document("a"), revision("a", 2))
    }


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE, READER])
async def test_a_key_outside_the_scope_is_not_known(catalog: SqlCatalog, scope: AccessScope) -> None:
    await upload(catalog, "a", principals=HR)

    async with catalog.reading() as transaction:
        assert await transaction.uploads.known(scope, CORPUS, ["a.md"]) == {}


async def test_an_upload_is_settled_while_it_is_published_and_no_removal_waits(catalog: SqlCatalog) -> None:
    async def states() -> list[tuple[bool, bool]]:
        async with catalog.reading() as transaction:
            known = await transaction.uploads.known(SYSTEM, CORPUS, ["a.md", "b.md", "c.md"])
        return [(known[key].is_published, known[key].is_settled) for key in sorted(known)]

    await publish(catalog, "a", "b")
    await upload(catalog, "c")
    await prepare(catalog, "c")
    await remove(catalog, "b")

    assert await states() == [(True, True), (True, False), (False, False)]


async def test_a_key_is_taken_once_in_a_corpus(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    same_key = replace(new_upload("b"), document=replace(document("b"), key="a.md"))

    with pytest.raises(Conflict):
        async with catalog.writing() as transaction:
            await transaction.uploads.add(SYSTEM, CORPUS, [same_key])


async def test_a_revision_number_is_taken_once(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    again = replace(new_upload("a"), is_new_file=False, is_new_document=False)

    with pytest.raises(Conflict):
        async with catalog.writing() as transaction:
            await transaction.uploads.add(SYSTEM, CORPUS, [again])


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_nothing_is_added_to_a_corpus_outside_the_scope(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.writing() as transaction:
        with pytest.raises(NotFound):
            await transaction.uploads.add(scope, CORPUS, [new_upload("a")])


async def test_no_revision_is_added_to_a_document_of_another_corpus(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    async with catalog.writing() as transaction:
        other = replace(await transaction.corpora.get(SYSTEM, CORPUS), id="vs_other", name="other")
        await transaction.corpora.add(SYSTEM, other)

        with pytest.raises(NotFound):
            await transaction.uploads.add(SYSTEM, other.id, [new_upload("a", 2)])


async def test_an_uploader_may_grant_a_document_to_others_only(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.uploads.add(READER, CORPUS, [new_upload("a", principals=HR)])

        assert await transaction.documents.revision(HR_READER, document("a").id, 1) == revision("a")
        with pytest.raises(NotFound):
            await transaction.documents.revision(READER, document("a").id, 1)


async def test_a_file_that_is_stored_already_can_be_uploaded_again(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    again = replace(
        new_upload("b"),
        file=stored_file("a"),
        is_new_file=False,
        revision=revision("b", file_id=FileId("file_a")),
    )

    async with catalog.writing() as transaction:
        await transaction.uploads.add(SYSTEM, CORPUS, [again])

        assert (await transaction.jobs.get(SYSTEM, JobId("job_upload_b_1"))).id == again.job.id
