"""Chunks by a filter, by their words, and with their neighbours: at a version and inside a scope."""

from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.filters import parse_filter
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.versions import PinnedVersion
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    FINGERPRINT,
    PARSED,
    READER,
    STRANGER,
    SYSTEM,
    add_corpus,
    chunk,
    corpus,
    member,
    prepare,
    publish,
    remove,
    seal,
    upload,
)

ENGLISH = parse_filter({"type": "eq", "key": "lang", "value": "en"})
OUTSIDERS = [STRANGER, ELSEWHERE, replace(READER, principals=frozenset())]


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    await publish(catalog, "a", "b")
    return catalog


async def containing(
    catalog: SqlCatalog,
    *words: str,
    scope: AccessScope = READER,
    number: int = 1,
    fingerprint: Fingerprint = FINGERPRINT,
) -> set[str]:
    pinned = PinnedVersion(corpus=corpus(), number=number, fingerprint=fingerprint)
    async with catalog.reading() as tx:
        found = await tx.chunks.containing(scope, pinned, words, limit=9)
    return {passage.filename for passage in found}


async def put(catalog: SqlCatalog, name: str, *texts: str) -> None:
    """Give a document chunks of these texts."""
    made = [chunk(name, ordinal=ordinal, text=text) for ordinal, text in enumerate(texts)]
    async with catalog.writing() as tx:
        await tx.chunks.replace(SYSTEM, FINGERPRINT, {member(name): made})


async def test_chunks_pass_with_the_document_at_the_version(catalog: SqlCatalog) -> None:
    ids = [chunk(name).id for name in "ab"]
    await seal(catalog, await remove(catalog, "a"))
    async with catalog.reading() as tx:
        passed = [await tx.chunks.matching(READER, CORPUS, number, ids, ENGLISH) for number in (1, 2, 2**60)]

    assert passed == [set(ids), {ids[1]}, set()]


@pytest.mark.parametrize("scope", OUTSIDERS)
async def test_chunks_outside_the_scope_do_not_pass(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.reading() as tx:
        assert await tx.chunks.matching(scope, CORPUS, 1, [chunk("a").id], ENGLISH) == set()


async def test_chunks_of_another_corpus_do_not_pass(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        assert await tx.chunks.matching(READER, CorpusId("vs_x"), 1, [chunk("a").id], ENGLISH) == set()


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        (("SNOW", "falls."), True),
        (("snow", "🐧"), True),
        (("falls.", "snow"), False),
        (("now",), True),
        (("s_ow",), False),
        (("%",), False),
        (("\\",), False),
    ],
)
async def test_words_are_found_in_their_order_and_signs_are_no_wildcards(
    catalog: SqlCatalog, words: tuple[str, ...], is_found: bool
) -> None:
    assert await containing(catalog, *words) == ({"a.md", "b.md"} if is_found else set())


async def test_letters_without_cases_stand_for_themselves(catalog: SqlCatalog) -> None:
    await put(catalog, "a", "製品保証は二年です。")
    await put(catalog, "b", "営業時間は九時です。")

    assert await containing(catalog, "製品保証") == {"a.md"}


async def test_signs_are_found_as_they_are(catalog: SqlCatalog) -> None:
    await put(catalog, "a", "100% of C:\\a_b")

    assert await containing(catalog, "100%", "c:\\a_b") == {"a.md"}


@pytest.mark.parametrize("scope", OUTSIDERS)
async def test_words_outside_the_scope_are_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    assert await containing(catalog, "snow", scope=scope) == set()


async def test_words_are_found_in_the_version_and_its_build_only(catalog: SqlCatalog) -> None:
    await seal(catalog, await remove(catalog, "a"))
    await upload(catalog, "c")
    await prepare(catalog, "c")

    assert await containing(catalog, "snow", number=1) == {"a.md", "b.md"}
    assert await containing(catalog, "snow", number=2) == {"b.md"}
    assert await containing(catalog, "snow", fingerprint=Fingerprint("other")) == set()


async def test_a_chunk_comes_with_those_around_it(catalog: SqlCatalog) -> None:
    await put(catalog, "a", *"vwxyz")
    ids = [chunk("a", ordinal=ordinal).id for ordinal in range(5)]
    async with catalog.reading() as tx:
        found = await tx.chunks.around(READER, CORPUS, 1, [ids[0], ids[2]], 1)

    assert {one: "".join(near.text for near in around) for one, around in found.items()} == {
        ids[0]: "vw",
        ids[2]: "wxy",
    }


@pytest.mark.parametrize("scope", OUTSIDERS)
async def test_nothing_is_around_a_chunk_outside_the_scope(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.reading() as tx:
        assert await tx.chunks.around(scope, CORPUS, 1, [chunk("a").id], 1) == {}


async def test_nothing_is_around_a_chunk_at_a_version_without_it(catalog: SqlCatalog) -> None:
    await seal(catalog, await remove(catalog, "a"))
    async with catalog.reading() as tx:
        found = [await tx.chunks.around(READER, CORPUS, number, [chunk("a").id], 1) for number in (2, 2**60)]

    assert found == [{}, {}]


async def test_texts_of_revisions_come_together_inside_the_scope(catalog: SqlCatalog) -> None:
    members = [member("a"), member("b"), member("c")]
    async with catalog.reading() as tx:
        seen = await tx.chunks.texts(READER, members)
        hidden = [await tx.chunks.texts(scope, members) for scope in OUTSIDERS]

    assert seen == {member("a"): PARSED.text, member("b"): PARSED.text}
    assert hidden == [{}, {}, {}]
