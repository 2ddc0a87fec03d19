import numpy as np
import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import Fingerprint
from rag_service.domain.pages import PageRequest
from rag_service.errors import InvalidRequest, NotFound
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    FINGERPRINT,
    FREQUENCIES,
    START,
    STRANGER,
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


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


async def numbers(catalog: SqlCatalog, page: PageRequest) -> list[int]:
    async with catalog.reading() as transaction:
        found = await transaction.versions.list(SYSTEM, CORPUS, page)
    return [version.number for version in found.items]


async def test_a_version_is_a_set_of_members_that_later_ones_do_not_change(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    draft_id = await upload(catalog, "a", 2)
    await prepare(catalog, "a", 2)
    await remove(catalog, "b")
    await seal(catalog, draft_id)

    async with catalog.reading() as transaction:
        found = [await transaction.versions.members(SYSTEM, CORPUS, number) for number in range(3)]

    assert found == [set(), {member("a"), member("b")}, {member("a", 2)}]


async def test_births_are_those_of_living_members(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    await seal(catalog, await remove(catalog, "b"))

    async with catalog.reading() as transaction:
        births = await transaction.versions.births(SYSTEM, CORPUS, [member("a"), member("b"), member("c")])

    assert births == {member("a"): 1}


async def test_births_at_a_number_are_those_of_its_members(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    await seal(catalog, await remove(catalog, "b"))
    await publish(catalog, "c")

    async with catalog.reading() as transaction:
        members = [member("a"), member("b"), member("c")]
        assert await transaction.versions.births(SYSTEM, CORPUS, members, at=1) == {member("a"): 1, member("b"): 1}
        assert await transaction.versions.births(SYSTEM, CORPUS, members, at=10**30) == {}


async def test_what_a_version_wrote_is_told_by_the_memberships(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    await seal(catalog, await remove(catalog, "b"))

    async with catalog.reading() as transaction:
        first, second, none = [
            await transaction.versions.written_by(SYSTEM, CORPUS, number) for number in (1, 2, 10**30)
        ]

    assert (first.born, first.died) == ({member("a"), member("b")}, frozenset())
    assert (second.born, second.died) == (frozenset(), {member("b")})
    assert (none.born, none.died) == (frozenset(), frozenset())


async def test_after_a_rollback_the_next_seal_undoes_what_the_abandoned_version_did(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    draft_id = await upload(catalog, "c")
    await prepare(catalog, "c")
    await remove(catalog, "b")
    await seal(catalog, draft_id)
    async with catalog.writing() as transaction:
        await transaction.corpora.publish(SYSTEM, CORPUS, 1, expected=2, now=START)

    await publish(catalog, "d")

    async with catalog.reading() as transaction:
        assert await transaction.versions.members(SYSTEM, CORPUS, 2) == {member("a"), member("c")}
        assert await transaction.versions.members(SYSTEM, CORPUS, 3) == {member("a"), member("b"), member("d")}
        assert await transaction.versions.births(SYSTEM, CORPUS, [member("b")]) == {member("b"): 3}


async def test_the_published_version_is_the_one_sealed_last(catalog: SqlCatalog) -> None:
    version = await publish(catalog, "a")

    async with catalog.reading() as transaction:
        held = await transaction.corpora.get(SYSTEM, CORPUS)
        assert (held.published, held.highest) == (1, 1)
        assert await transaction.versions.get(SYSTEM, CORPUS, 1) == version


async def test_a_sealed_version_was_not_published_yet(catalog: SqlCatalog) -> None:
    version = await preview(catalog, await hold(catalog, "a"))

    async with catalog.reading() as transaction:
        assert version.published_at is None
        assert await transaction.versions.get(SYSTEM, CORPUS, 1) == version
        assert (await transaction.corpora.get(SYSTEM, CORPUS)).published == 0
        assert await transaction.versions.highest(SYSTEM, CORPUS) == 1


@pytest.mark.parametrize("number", [0, 2, -1, 10**30])
async def test_a_number_that_is_not_sealed_is_no_version(catalog: SqlCatalog, number: int) -> None:
    await publish(catalog, "a")

    async with catalog.writing() as transaction:
        for call in (
            transaction.versions.get(SYSTEM, CORPUS, number),
            transaction.versions.annotate(SYSTEM, CORPUS, number, "x"),
            transaction.versions.label(SYSTEM, CORPUS, "x", number, START),
        ):
            with pytest.raises(NotFound):
                await call


async def test_versions_are_listed_in_pages_newest_first(catalog: SqlCatalog) -> None:
    for name in "abc":
        await publish(catalog, name)

    assert await numbers(catalog, PageRequest(limit=2)) == [3, 2]
    assert await numbers(catalog, PageRequest(limit=2, after="2")) == [1]
    assert await numbers(catalog, PageRequest(order="asc", before="2")) == [1]


@pytest.mark.parametrize("cursor", ["7", "x", "-1", "٣", "9" * 5000])
async def test_a_cursor_that_is_no_version_is_refused(catalog: SqlCatalog, cursor: str) -> None:
    await publish(catalog, "a")

    with pytest.raises(InvalidRequest):
        await numbers(catalog, PageRequest(after=cursor))


async def test_the_highest_version_of_an_empty_corpus_is_zero(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.versions.highest(SYSTEM, CORPUS) == 0


async def test_notes_of_a_version_are_replaced(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    async with catalog.writing() as transaction:
        version = await transaction.versions.annotate(SYSTEM, CORPUS, 1, "Before the move")

        assert version.notes == "Before the move"
        assert await transaction.versions.get(SYSTEM, CORPUS, 1) == version


async def test_document_frequencies_come_back_as_they_were_frozen(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")

    async with catalog.reading() as transaction:
        found = await transaction.versions.frequencies(SYSTEM, CORPUS, 1, FINGERPRINT)

    assert found.chunk_count == FREQUENCIES.chunk_count
    assert np.array_equal(found.terms, FREQUENCIES.terms) and found.terms.dtype == np.uint32
    assert np.array_equal(found.counts, FREQUENCIES.counts) and found.counts.dtype == np.uint32


async def test_before_the_first_version_no_term_occurs(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        found = await transaction.versions.frequencies(SYSTEM, CORPUS, 0, FINGERPRINT)

    assert (found.chunk_count, len(found.terms), len(found.counts)) == (0, 0, 0)


@pytest.mark.parametrize("number", [1, -1, 10**30])
async def test_a_version_not_sealed_has_no_frequencies(catalog: SqlCatalog, number: int) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.versions.frequencies(SYSTEM, CORPUS, number, FINGERPRINT) is None


async def test_frequencies_are_kept_by_build(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")

    async with catalog.reading() as transaction:
        assert await transaction.versions.frequencies(SYSTEM, CORPUS, 1, Fingerprint("another")) is None


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_versions_outside_the_scope_are_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    await publish(catalog, "a")

    async with catalog.writing() as transaction:
        versions = transaction.versions
        for call in (
            versions.get(scope, CORPUS, 1),
            versions.list(scope, CORPUS, PageRequest()),
            versions.highest(scope, CORPUS),
            versions.members(scope, CORPUS, 1),
            versions.births(scope, CORPUS, []),
            versions.written_by(scope, CORPUS, 1),
            versions.frequencies(scope, CORPUS, 1, FINGERPRINT),
            versions.label(scope, CORPUS, "x", 1, START),
            versions.unlabel(scope, CORPUS, "x"),
            versions.labels(scope, CORPUS),
            versions.annotate(scope, CORPUS, 1, "x"),
        ):
            with pytest.raises(NotFound):
                await call
