from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from rag_service.catalog.sql_catalog import SqlCatalog, utc_now
from rag_service.catalog.tables import answer_sources, answer_turns, answers, feedback
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Feedback, Message, SearchedWith
from rag_service.domain.filters import parse_filter
from rag_service.domain.ids import DocumentId, KeyId
from rag_service.errors import Conflict, Gone, NotFound
from tests.contract.answer_values import add_answer, answer, passage
from tests.contract.catalog_values import ELSEWHERE, READER, START, STRANGER, add_corpus, upload

OTHER_KEY = replace(READER, key_id=KeyId("key_other"))
ADMIN = replace(OTHER_KEY, permissions=frozenset({Permission.ADMIN}))


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    await upload(catalog, "a")
    async with catalog.writing() as transaction:
        await transaction.answers.add(READER, answer())
    return catalog


def thumbs(rating: Literal[-1, 1], comment: str = "") -> Feedback:
    return Feedback(answer_id=answer().id, rating=rating, comment=comment, created_at=START)


async def feedback_rows(catalog: SqlCatalog) -> Sequence[sa.Row[Any]]:
    rows = sa.select(feedback.c.caller, feedback.c.rating, feedback.c.comment).order_by(feedback.c.caller)
    async with catalog._database.reading() as connection:
        return (await connection.execute(rows)).all()


EQUALS: list[dict[str, Any]] = [{"type": "eq", "key": "a", "value": value} for value in (True, 1, "1")]


@pytest.mark.parametrize("raw", [*EQUALS, {"type": "or", "filters": [*EQUALS, {"type": "and", "filters": EQUALS}]}])
async def test_so_does_the_filter_that_it_was_found_with(catalog: SqlCatalog, raw: dict[str, Any]) -> None:
    searched = SearchedWith(filters=parse_filter(raw), per_document=2, limit=8, neighbours=0)
    added = await add_answer(catalog, "narrowed", searched_with=searched)

    async with catalog.reading() as transaction:
        assert await transaction.answers.get(READER, added.id) == added


@pytest.mark.parametrize("scope", [READER, ADMIN])
async def test_an_answer_comes_back_as_it_was(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.answers.get(scope, answer().id) == answer()


@pytest.mark.parametrize("scope", [OTHER_KEY, STRANGER, ELSEWHERE])
async def test_an_answer_outside_the_scope_is_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.writing() as transaction:
        for call in (
            transaction.answers.get(scope, answer().id),
            transaction.answers.add_feedback(scope, thumbs(1)),
        ):
            with pytest.raises(NotFound):
                await call


async def test_later_feedback_of_a_caller_takes_the_place_of_the_earlier(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.answers.add_feedback(READER, thumbs(1))
        await transaction.answers.add_feedback(READER, thumbs(-1, "wrong\x00"))

    assert [tuple(row) for row in await feedback_rows(catalog)] == [("key_reader", -1, "wrong\x00")]


async def test_each_caller_has_feedback_of_their_own(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.answers.add_feedback(READER, thumbs(1))
        await transaction.answers.add_feedback(ADMIN, thumbs(-1))

    assert [row.caller for row in await feedback_rows(catalog)] == ["key_other", "key_reader"]


async def test_a_reply_is_kept_for_its_caller(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.replies.keep(READER, "once", "hash", 201, "{}")

        assert await transaction.replies.find(READER, "once") == ("hash", 201, "{}")
        assert await transaction.replies.find(OTHER_KEY, "once") is None
        assert await transaction.replies.find(STRANGER, "once") is None


async def test_replies_are_forgotten_by_age(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.replies.keep(READER, "once", "hash", 201, "{}")

        assert await transaction.replies.forget(before=utc_now() - timedelta(hours=1)) == 0
        assert await transaction.replies.find(READER, "once") is not None
        assert await transaction.replies.forget(before=utc_now() + timedelta(hours=1)) == 1
        assert await transaction.replies.find(READER, "once") is None


async def test_a_key_is_used_once(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.replies.keep(READER, "once", "hash", 201, "{}")
        with pytest.raises(Conflict):
            await transaction.replies.keep(READER, "once", "other", 201, "{}")

        assert await transaction.replies.find(READER, "once") == ("hash", 201, "{}")


async def rows_of(catalog: SqlCatalog, *columns: sa.Column[Any]) -> list[tuple[Any, ...]]:
    async with catalog._database.reading() as connection:
        return [tuple(row) for row in await connection.execute(sa.select(*columns).order_by(*columns))]


async def test_the_revisions_that_an_answer_shows_are_noted(catalog: SqlCatalog) -> None:
    columns = (answer_sources.c.answer_id, answer_sources.c.document_id, answer_sources.c.revision)

    assert await rows_of(catalog, *columns) == [(answer().id, "doc_a", 1)]


async def test_an_answer_over_a_revision_that_is_gone_is_not_kept(catalog: SqlCatalog) -> None:
    erased = replace(passage(), document_id=DocumentId("doc_erased"))

    with pytest.raises(Gone):
        async with catalog.writing() as transaction:
            await transaction.answers.add(READER, replace(answer("two"), passages=(passage(), erased)))

    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.answers.get(READER, answer("two").id)


async def test_the_earlier_answers_of_a_conversation_are_noted_whatever_their_layout(catalog: SqlCatalog) -> None:
    earlier = Message(role="assistant", content="Snow\n[1]")
    async with catalog.writing() as transaction:
        await transaction.answers.add(READER, replace(answer("two"), messages=(earlier, *answer().messages)))

    first = (await rows_of(catalog, answers.c.text_sha256))[0]
    assert await rows_of(catalog, answer_turns.c.answer_id, answer_turns.c.sha256) == [(answer("two").id, first[0])]


async def test_an_end_user_sees_no_answer_of_another_one_of_the_same_key(catalog: SqlCatalog) -> None:
    anna, ben = replace(READER, end_user="anna"), replace(READER, end_user="ben")
    async with catalog.writing() as transaction:
        await transaction.answers.add(anna, answer("two"))

    async with catalog.reading() as transaction:
        assert (await transaction.answers.get(anna, answer("two").id)).id == answer("two").id
        for stranger, name in ((ben, "two"), (anna, "one")):
            with pytest.raises(NotFound):
                await transaction.answers.get(stranger, answer(name).id)
