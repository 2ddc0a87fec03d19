"""Checks of indexes and what the reconciler found: the same on SQLite and PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.erasures import ErasureKind
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.index_checks import CheckFindings, IndexCheck, IndexComparison, Recall
from rag_service.errors import NotFound
from tests.contract.answer_values import add_answer
from tests.contract.catalog_values import CORPUS, FINGERPRINT, OURS, STRANGER, SYSTEM, at, chunk, member
from tests.contract.erasure_values import erasure, tombstone, with_two_documents

FOUND = CheckFindings(
    asked=12,
    made=3,
    recall=Recall(mean=0.98, least=0.7, queries=15),
    points_expected=9,
    points_held=8,
    parameters={"ef": 512.0},
    notes=("one note",),
)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b, and is published."""
    return await with_two_documents(catalog)


def check(seconds: float = 0, **changes: Any) -> IndexCheck:
    begun = IndexCheck(
        tenant_id=OURS, corpus_id=CORPUS, fingerprint=FINGERPRINT, version=1, engine="edge", begun_at=at(seconds)
    )
    return replace(begun, **changes)


def comparison(**changes: Any) -> IndexComparison:
    known = IndexComparison(
        tenant_id=OURS, corpus_id=CORPUS, fingerprint=FINGERPRINT, compared_at=at(5), differing=3, mended=2
    )
    return replace(known, **changes)


async def begin(catalog: SqlCatalog, one: IndexCheck, *, last: float = 0, given_up: float = 0) -> bool:
    async with catalog.writing() as tx:
        return await tx.index_checks.begin(one, last_before=at(last), given_up_before=at(given_up))


async def checked(catalog: SqlCatalog, seconds: float) -> IndexCheck:
    """Begin a check and end it a second later."""
    assert await begin(catalog, check(seconds), last=seconds)
    ended = check(seconds, finished_at=at(seconds + 1), found=FOUND)
    async with catalog.writing() as tx:
        await tx.index_checks.end(ended)
    return ended


async def newest(catalog: SqlCatalog, **options: Any) -> list[IndexCheck]:
    async with catalog.reading() as tx:
        return await tx.index_checks.newest(options.pop("scope", SYSTEM), CORPUS, limit=options.pop("limit", 200))


async def due(catalog: SqlCatalog, last: float) -> Sequence[IndexCheck]:
    async with catalog.reading() as tx:
        return await tx.index_checks.due(last_before=at(last))


async def test_ended_checks_come_back_newest_first(catalog: SqlCatalog) -> None:
    first, second = await checked(catalog, 10), await checked(catalog, 20)
    await begin(catalog, check(30), last=30)

    assert await newest(catalog) == [second, first]
    assert await newest(catalog, limit=1) == [second]
    assert await newest(catalog, scope=STRANGER) == []


async def test_a_corpus_is_due_until_a_check_has_ended(catalog: SqlCatalog) -> None:
    assert [(one.corpus_id, one.version, one.fingerprint) for one in await due(catalog, 0)] == [
        (CORPUS, 1, FINGERPRINT)
    ]

    await checked(catalog, 10)

    assert await due(catalog, 11) == []
    assert [one.begun_at for one in await due(catalog, 12)] == [at(11)]


async def test_one_check_goes_on_at_a_time_until_it_is_given_up(catalog: SqlCatalog) -> None:
    assert await begin(catalog, check(10))

    assert not await begin(catalog, check(20), last=20, given_up=10)
    assert await begin(catalog, check(30), last=30, given_up=11)


async def test_a_check_that_is_given_up_makes_room_for_another(catalog: SqlCatalog) -> None:
    await begin(catalog, check(10))
    async with catalog.writing() as tx:
        await tx.index_checks.give_up(check(10))

    assert await begin(catalog, check(20), last=20, given_up=10)


async def test_a_corpus_that_was_checked_meanwhile_is_left_alone(catalog: SqlCatalog) -> None:
    await checked(catalog, 10)

    assert not await begin(catalog, check(20), last=11)


async def test_a_corpus_that_is_gone_is_not_checked(catalog: SqlCatalog) -> None:
    with pytest.raises(NotFound):
        await begin(catalog, check(corpus_id=CorpusId("vs_absent")))


async def test_a_hundred_checks_are_kept(catalog: SqlCatalog) -> None:
    for number in range(102):
        await checked(catalog, 10 * number)

    kept = await newest(catalog)
    assert (len(kept), kept[-1].begun_at) == (100, at(20))


async def test_of_every_published_corpus_the_newest_check_is_told(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        assert [(one.corpus_id, one.finished_at) for one in await tx.index_checks.newest_of_all()] == [(CORPUS, None)]
    await checked(catalog, 10)
    last = await checked(catalog, 20)

    async with catalog.reading() as tx:
        assert await tx.index_checks.newest_of_all() == [last]


async def test_the_last_comparison_of_a_build_counts(catalog: SqlCatalog) -> None:
    later = comparison(compared_at=at(9), differing=0, mended=0)
    async with catalog.writing() as tx:
        await tx.index_checks.note(comparison())
        await tx.index_checks.note(later)
        await tx.index_checks.note(comparison(fingerprint=Fingerprint("gone")))

    async with catalog.reading() as tx:
        assert await tx.index_checks.comparisons() == [later]


async def test_what_is_known_of_an_index_goes_with_its_corpus(catalog: SqlCatalog) -> None:
    await checked(catalog, 10)
    async with catalog.writing() as tx:
        await tx.index_checks.note(comparison())
        await tx.erasures.add(SYSTEM, erasure(ErasureKind.CORPUS, corpus_id=CORPUS), [])
        for document_id in await tx.erasures.documents_of(SYSTEM, CORPUS, limit=5):
            await tx.erasures.remove_document(SYSTEM, tombstone(ref=document_id), None)
        removal = await tx.erasures.remove_corpus(SYSTEM, CORPUS)

    assert (removal.removed["index_checks"], removal.removed["index_comparisons"]) == (1, 1)


async def test_questions_of_some_answers_are_drawn(catalog: SqlCatalog) -> None:
    for number in range(5):
        await add_answer(catalog, f"{number}", created_at=at(number), searched_for=f"Question {number}?")

    async with catalog.reading() as tx:
        drawn = await tx.answers.asked(SYSTEM, CORPUS, since=at(1), limit=3)
        every = await tx.answers.asked(SYSTEM, CORPUS, since=at(1), limit=9)

    assert len(drawn) == 3
    assert sorted(every) == [f"Question {number}?" for number in range(1, 5)]


async def test_chunks_tell_the_hashes_of_what_is_embedded(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        hashes = await tx.chunks.hashes(SYSTEM, FINGERPRINT, [member("a")])
        others = await tx.chunks.hashes(STRANGER, FINGERPRINT, [member("a")])

    assert (hashes, others) == ({chunk("a").id: chunk("a").embedded_sha256}, {})
