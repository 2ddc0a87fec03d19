"""Answers that go with what is erased: the same on SQLite and PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.answers import AnswerStatus, Message
from rag_service.domain.erasures import (
    ErasureKind,
    Removal,
    TombstoneKind,
)
from rag_service.domain.golden import Origin
from rag_service.domain.ids import AnswerId
from rag_service.errors import Gone, NotFound
from tests.contract.answer_values import add_answer
from tests.contract.catalog_values import (
    READER,
    STRANGER,
    SYSTEM,
    at,
)
from tests.contract.erasure_values import (
    about,
    erasure,
    remove,
    request,
    tombstone,
    with_two_documents,
)
from tests.contract.golden_values import golden, keep, kept


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b, with the same text."""
    return await with_two_documents(catalog)


async def test_answers_follow_by_what_they_showed_and_by_whose_text_they_hold(catalog: SqlCatalog) -> None:
    first = await add_answer(catalog, "first", text="Snow falls in winter. [1]")
    turn = Message(role="assistant", content=" Snow falls \n in winter. [1]")
    await add_answer(
        catalog, "second", messages=(turn, Message(role="user", content="And?")), passages=(), citations=()
    )
    await add_answer(catalog, "apart", passages=(), citations=())

    assert await about(catalog, erasure()) == [first.id, "answer_second"]
    assert await about(catalog, erasure(), also=["answer_apart"]) == ["answer_apart", first.id, "answer_second"]


async def test_the_services_own_sentences_connect_no_answers(catalog: SqlCatalog) -> None:
    await add_answer(catalog, "first", text="The documents do not say.", status=AnswerStatus.ABSTAINED)
    turn = Message(role="assistant", content="The documents do not say.")
    await add_answer(catalog, "second", messages=(turn,), passages=(), citations=())

    assert await about(catalog, erasure()) == ["answer_first"]


async def test_removed_answers_leave_tombstones(catalog: SqlCatalog) -> None:
    made = await add_answer(catalog, "first")
    async with catalog.writing() as tx:
        await tx.replies.keep(READER, "key", "hash", 200, f'{{"id":"{made.id}"}}')
        await tx.replies.keep(READER, "other", "hash", 200, '{"id":"answer_other"}')
    await request(catalog)

    async with catalog.writing() as tx:
        removal = await tx.erasures.remove_answers(SYSTEM, [tombstone(TombstoneKind.ANSWER, made.id)])
        replies = await tx.erasures.remove_replies(SYSTEM, erasure().id, ())

    assert {table: count for table, count in removal.removed.items() if count} == {"answers": 1, "answer_sources": 1}
    assert replies.removed == {"idempotent_replies": 1}
    async with catalog.reading() as tx:
        assert await tx.erasures.tombstone(SYSTEM, TombstoneKind.ANSWER, made.id) is not None
        assert await tx.replies.find(READER, "key") is None
        assert await tx.replies.find(READER, "other") is not None


async def test_what_is_asked_to_be_erased_can_neither_be_read_nor_answered_from(catalog: SqlCatalog) -> None:
    made = await add_answer(catalog, "first")
    await request(catalog)

    async with catalog.reading() as tx:
        with pytest.raises(NotFound):
            await tx.answers.get(READER, made.id)
    with pytest.raises(Gone):
        await add_answer(catalog, "second")


async def test_over_what_is_gone_no_answer_is_kept(catalog: SqlCatalog) -> None:
    await request(catalog)
    await remove(catalog)

    with pytest.raises(Gone):
        await add_answer(catalog, "late")


async def test_a_persons_answers_are_gone_up_to_the_request(catalog: SqlCatalog) -> None:
    person = replace(READER, end_user="ann")
    before = await add_answer(catalog, "before", person)
    asked = erasure(ErasureKind.PERSON, end_user="ann")
    async with catalog.writing() as tx:
        await tx.erasures.add(SYSTEM, asked, [tombstone(TombstoneKind.PERSON, "ann")])

    after = await add_answer(catalog, "after", person, created_at=at(6))
    with pytest.raises(Gone):
        await add_answer(catalog, "running", person, created_at=at(4))

    assert await about(catalog, asked) == [before.id]
    async with catalog.reading() as tx:
        assert (await tx.answers.get(person, after.id)).id == after.id
        with pytest.raises(NotFound):
            await tx.answers.get(person, before.id)


async def test_a_person_erased_again_has_one_tombstone_of_the_newest_request(catalog: SqlCatalog) -> None:
    first, second = (erasure(ErasureKind.PERSON, name, end_user="ann") for name in ("one", "two"))
    later = replace(tombstone(TombstoneKind.PERSON, "ann", second), erased_at=at(9))
    async with catalog.writing() as tx:
        await tx.erasures.add(SYSTEM, first, [tombstone(TombstoneKind.PERSON, "ann")])
        await tx.erasures.add(SYSTEM, second, [later])
        stone = await tx.erasures.tombstone(SYSTEM, TombstoneKind.PERSON, "ann")

    assert stone == later


@pytest.mark.parametrize("lock", [False, True])
async def test_of_named_answers_those_are_told_that_are_erased_or_are_to_be(catalog: SqlCatalog, lock: bool) -> None:
    removed = await add_answer(catalog, "removed", passages=(), citations=())
    doomed = await add_answer(catalog, "doomed")
    stays = await add_answer(catalog, "stays", passages=(), citations=())
    await request(catalog)

    async with catalog.writing() as tx:
        await tx.erasures.remove_answers(SYSTEM, [tombstone(TombstoneKind.ANSWER, removed.id)])
        asked = {removed.id, doomed.id, stays.id, AnswerId("answer_unknown")}

        assert await tx.answers.erased(READER, asked, lock=lock) == {removed.id, doomed.id}
        assert await tx.answers.erased(STRANGER, asked, lock=lock) == set()


async def test_a_question_from_an_answer_that_is_held_goes_with_the_answer(catalog: SqlCatalog) -> None:
    answer = await add_answer(catalog, "first")
    await request(catalog)

    async def erase() -> Removal:
        async with catalog.writing() as tx:
            return await tx.erasures.remove_answers(SYSTEM, [tombstone(TombstoneKind.ANSWER, answer.id)])

    async with catalog.writing() as tx:
        await tx.golden.add(SYSTEM, [golden(origin=Origin.GAP, origin_ref=answer.id)])
        await tx.answers.erased(SYSTEM, [answer.id], lock=True)
        erasing = asyncio.create_task(erase())
        await asyncio.wait({erasing}, timeout=0.3)

    assert (await erasing).removed["golden_questions"] == 1
    assert await kept(catalog) == []


@pytest.mark.parametrize("kind", [ErasureKind.DOCUMENT, ErasureKind.PERSON, ErasureKind.CORPUS])
async def test_a_question_that_is_left_of_an_erased_answer_is_found_by_the_probe(
    catalog: SqlCatalog, kind: ErasureKind
) -> None:
    subject = {"document_id": "doc_a", "corpus_id": "vs_elsewhere", "end_user": "ann"}
    asked = erasure(kind, **subject)
    await keep(catalog, golden(origin=Origin.IMPORT, origin_ref="answer_gone"), golden("other", origin_ref="answer_b"))
    await request(catalog, asked, tombstone(TombstoneKind.ANSWER, "answer_gone", asked))

    async with catalog.reading() as tx:
        assert (await tx.erasures.probe(SYSTEM, asked))["golden_questions"] == 1
