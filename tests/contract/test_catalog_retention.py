"""What may go when versions grow old: the same on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import DocumentId, FileId
from rag_service.domain.retention import Retention, StoredVersion
from rag_service.domain.versions import Member
from rag_service.errors import NotFound
from tests.contract.answer_values import answer, passage
from tests.contract.catalog_values import (
    CORPUS,
    FINGERPRINT,
    READER,
    START,
    SYSTEM,
    add_corpus,
    hold,
    member,
    prepare,
    preview,
    publish,
    remove,
    seal,
    upload,
)

LATER = START + timedelta(days=400)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b; 2 has a newer a; 3 has no b; 4 has c as well."""
    await add_corpus(catalog)
    await publish(catalog, "a", "b")
    await edit(catalog, "a", 2)
    await seal(catalog, await remove(catalog, "b"))
    await publish(catalog, "c")
    return catalog


async def edit(catalog: SqlCatalog, name: str, number: int) -> None:
    draft_id = await upload(catalog, name, number)
    await prepare(catalog, name, number)
    await seal(catalog, draft_id)


async def needed(catalog: SqlCatalog) -> list[int]:
    async with catalog.reading() as tx:
        return [version.number for version in await tx.retentions.versions(SYSTEM, CORPUS) if version.is_needed]


async def drop(catalog: SqlCatalog, *numbers: int) -> list[tuple[Member, int]]:
    """Drop versions, and return the memberships that went with them."""
    async with catalog.writing() as tx:
        await tx.retentions.drop_versions(SYSTEM, CORPUS, numbers)
        dropped = await tx.retentions.drop_memberships(SYSTEM, CORPUS, limit=100)
    return [(Member(document_id=one.document_id, revision=one.revision), one.born) for one in dropped]


async def drop_revisions(catalog: SqlCatalog) -> int:
    async with catalog.writing() as tx:
        return await tx.retentions.drop_revisions(SYSTEM, CORPUS, created_before=LATER, limit=100)


async def has_revision(catalog: SqlCatalog, one: Member) -> bool:
    async with catalog.reading() as tx:
        return bool(await tx.documents.revisions(SYSTEM, [one]))


async def test_the_published_one_and_the_two_highest_are_needed(catalog: SqlCatalog) -> None:
    assert await needed(catalog) == [3, 4]


async def test_after_a_rollback_what_is_published_is_needed(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.corpora.publish(SYSTEM, CORPUS, 1, expected=4, now=START)

    assert await needed(catalog) == [1, 3, 4]


async def test_a_labelled_version_is_needed(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.versions.label(SYSTEM, CORPUS, "audit", 1, START)

    assert await needed(catalog) == [1, 3, 4]


async def test_what_a_live_draft_was_opened_on_or_sealed_against_is_needed(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.corpora.publish(SYSTEM, CORPUS, 2, expected=4, now=START)
    await preview(catalog, await hold(catalog, "d"))
    async with catalog.writing() as tx:
        await tx.corpora.publish(SYSTEM, CORPUS, 1, expected=2, now=START)

    assert await needed(catalog) == [1, 2, 4, 5]


async def test_a_version_was_last_asked_when_another_took_its_place(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.corpora.publish(SYSTEM, CORPUS, 1, expected=4, now=LATER)

    async with catalog.reading() as tx:
        stored = await tx.retentions.versions(SYSTEM, CORPUS)

    assert stored[3] == StoredVersion(number=4, last_asked_at=LATER, is_needed=True)
    assert stored[1].last_asked_at == START


async def test_a_dropped_version_is_not_found_and_its_memberships_go(catalog: SqlCatalog) -> None:
    assert await drop(catalog, 1) == [(member("a"), 1)]

    async with catalog.reading() as tx:
        assert await tx.versions.members(SYSTEM, CORPUS, 2) == {member("a", 2), member("b")}
        with pytest.raises(NotFound):
            await tx.versions.get(SYSTEM, CORPUS, 1)


async def test_a_membership_between_two_kept_versions_goes_and_one_that_reaches_a_kept_one_stays(
    catalog: SqlCatalog,
) -> None:
    assert await drop(catalog, 2) == []
    assert await drop(catalog, 1) == [(member("a"), 1), (member("b"), 1)]


async def test_dropped_memberships_tell_which_chunks_they_showed(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        [[chunk]] = (await tx.chunks.of_members(SYSTEM, FINGERPRINT, [member("a")])).values()

    async with catalog.writing() as tx:
        await tx.retentions.drop_versions(SYSTEM, CORPUS, [1])
        [dropped] = await tx.retentions.drop_memberships(SYSTEM, CORPUS, limit=100)

    assert dropped.chunks == {FINGERPRINT: (chunk.id,)}


async def test_revisions_that_no_version_has_go_and_a_deleted_document_goes_whole(catalog: SqlCatalog) -> None:
    await drop(catalog, 1, 2)

    assert await drop_revisions(catalog) == 2

    assert [await has_revision(catalog, one) for one in (member("a"), member("a", 2), member("b"))] == [
        False,
        True,
        False,
    ]
    async with catalog.reading() as tx:
        with pytest.raises(NotFound):
            await tx.documents.get(SYSTEM, DocumentId("doc_b"))
        with pytest.raises(NotFound):
            await tx.files.get(SYSTEM, FileId("file_b"))
        await tx.files.get(SYSTEM, FileId("file_a"))  # the newer revision was made of it as well


async def test_what_a_kept_answer_shows_stays_and_can_be_read(catalog: SqlCatalog) -> None:
    shown = replace(passage(), document_id=DocumentId("doc_b"))
    async with catalog.writing() as tx:
        await tx.answers.add(READER, replace(answer(), passages=(shown,)))
    await drop(catalog, 1, 2)

    assert await drop_revisions(catalog) == 1

    async with catalog.reading() as tx:
        assert await tx.documents.was_published(READER, DocumentId("doc_b"), 1)
        assert (await tx.documents.parsed(READER, DocumentId("doc_b"), 1)).text


async def test_what_a_live_draft_holds_stays(catalog: SqlCatalog) -> None:
    await hold(catalog, "d")

    assert await drop_revisions(catalog) == 0
    assert await has_revision(catalog, member("d"))


async def test_young_revisions_stay(catalog: SqlCatalog) -> None:
    await drop(catalog, 1, 2)

    async with catalog.writing() as tx:
        assert await tx.retentions.drop_revisions(SYSTEM, CORPUS, created_before=START, limit=100) == 0


async def test_how_long_versions_are_kept_is_the_corpus_own(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.retentions.keep(SYSTEM, CORPUS, Retention(versions=3, days=7))
        corpus = await tx.corpora.get(SYSTEM, CORPUS)

    assert (corpus.keep_versions, corpus.keep_days) == (3, 7)
