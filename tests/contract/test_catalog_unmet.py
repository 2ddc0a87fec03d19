"""Questions that were left open, as the catalog finds them for content gaps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import AnswerStatus, Feedback
from rag_service.domain.gaps import UnmetQuestion
from rag_service.domain.ids import CorpusId, KeyId
from tests.contract.answer_values import add_answer, answer
from tests.contract.catalog_values import CORPUS, ELSEWHERE, READER, START, STRANGER, add_corpus, at, upload
from tests.contract.erasure_values import request

OTHER_KEY = replace(READER, key_id=KeyId("key_other"))
ADMIN = replace(OTHER_KEY, permissions=frozenset({Permission.ADMIN}))
REFUSED = {"status": AnswerStatus.ABSTAINED, "reason": "not_answerable"}


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    await upload(catalog, "a")
    return catalog


async def rate(catalog: SqlCatalog, name: str, rating: Literal[-1, 1], scope: AccessScope = READER) -> None:
    thumb = Feedback(answer_id=answer(name).id, rating=rating, comment="", created_at=START)
    async with catalog.writing() as tx:
        await tx.answers.add_feedback(scope, thumb)


async def unmet(
    catalog: SqlCatalog,
    scope: AccessScope = READER,
    *,
    corpus_id: CorpusId = CORPUS,
    since: datetime = START,
    limit: int = 10,
) -> Sequence[UnmetQuestion]:
    async with catalog.reading() as tx:
        return await tx.answers.unmet(scope, corpus_id, since=since, limit=limit)


async def names(catalog: SqlCatalog, scope: AccessScope = READER, **asked: Any) -> list[str]:
    return [one.answer_id.removeprefix("answer_") for one in await unmet(catalog, scope, **asked)]


async def test_a_refused_question_comes_with_what_is_known_of_it(catalog: SqlCatalog) -> None:
    await add_answer(catalog, "one", **REFUSED, searched_for="What falls on 🐧\x00?", created_at=at(5))

    assert await unmet(catalog) == [
        UnmetQuestion(
            answer_id=answer("one").id,
            question="What falls on 🐧\x00?",
            status=AnswerStatus.ABSTAINED,
            reason="not_answerable",
            is_disliked=False,
            asked_by="key_reader",
            created_at=at(5),
        )
    ]


async def test_what_was_refused_answered_in_part_or_disliked_is_unmet_and_nothing_else(catalog: SqlCatalog) -> None:
    await add_answer(catalog, "refused", **REFUSED)
    await add_answer(catalog, "partly", status=AnswerStatus.PARTIAL, reason="units_dropped")
    for name in ("disliked", "liked", "answered"):
        await add_answer(catalog, name)
    await rate(catalog, "disliked", -1)
    await rate(catalog, "disliked", 1, ADMIN)
    await rate(catalog, "liked", 1)

    found = {one.answer_id.removeprefix("answer_"): one.is_disliked for one in await unmet(catalog)}

    assert found == {"refused": False, "partly": False, "disliked": True}


async def test_the_newest_since_a_moment_come_first(catalog: SqlCatalog) -> None:
    for second in range(4):
        await add_answer(catalog, str(second), **REFUSED, created_at=at(second))

    assert await names(catalog, since=at(1)) == ["3", "2", "1"]
    assert await names(catalog, since=at(1), limit=2) == ["3", "2"]


async def test_those_that_are_read_in_several_parts_are_in_order(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag_service.catalog.answers._BODIES_AT_ONCE", 2)
    for second in range(5):
        await add_answer(catalog, str(second), **REFUSED, created_at=at(second))

    assert await names(catalog) == ["4", "3", "2", "1", "0"]


async def test_questions_of_another_corpus_are_not_among_them(catalog: SqlCatalog) -> None:
    await add_answer(catalog, "one", **REFUSED)

    assert await names(catalog, corpus_id=CorpusId("vs_other")) == []


@pytest.mark.parametrize(("scope", "sees"), [(ADMIN, True), (OTHER_KEY, False), (STRANGER, False), (ELSEWHERE, False)])
async def test_a_key_finds_the_questions_of_its_own_answers_and_an_admin_those_of_all(
    catalog: SqlCatalog, scope: AccessScope, sees: bool
) -> None:
    await add_answer(catalog, "one", **REFUSED)

    assert await names(catalog, scope) == (["one"] if sees else [])


async def test_end_users_are_told_apart_and_find_only_their_own(catalog: SqlCatalog) -> None:
    anna, ben = replace(READER, end_user="anna"), replace(READER, end_user="ben")
    await add_answer(catalog, "one", anna, **REFUSED)
    await add_answer(catalog, "two", ben, **REFUSED)

    assert {one.asked_by for one in await unmet(catalog)} == {"anna", "ben"}
    assert await names(catalog, anna) == ["one"]


async def test_from_the_request_of_an_erasure_on_its_questions_are_not_among_them(catalog: SqlCatalog) -> None:
    await add_answer(catalog, "shows", **REFUSED)
    await add_answer(catalog, "apart", **REFUSED, passages=(), citations=())

    await request(catalog)

    assert await names(catalog) == await names(catalog, ADMIN) == ["apart"]
