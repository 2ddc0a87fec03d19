"""Golden questions: the same on SQLite and PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Feedback, Message
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.gates import Acceptance, RegressionKind
from rag_service.domain.golden import GoldenState, GoldQuote, Origin
from rag_service.domain.ids import GoldenId, KeyId
from rag_service.domain.pages import PageRequest
from rag_service.errors import NotFound
from rag_service.use_cases.golden import ContentChanges, ManageGolden
from tests.contract.answer_values import add_answer
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    READER,
    STRANGER,
    SYSTEM,
    at,
    document,
    hold,
    prepare,
    preview,
    seal,
    upload,
)
from tests.contract.erasure_values import erasure, remove, request, tombstone, with_two_documents
from tests.contract.golden_values import golden, keep, kept, quoting
from tests.gate_values import regression, verdict


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b."""
    return await with_two_documents(catalog)


async def test_a_question_comes_back_as_it_was_put_in(catalog: SqlCatalog) -> None:
    turns = (Message(role="user", content="Snow?"), Message(role="assistant", content="Yes."))
    asked = golden(
        messages=(*turns, Message(role="user", content="Where 🐧?")),
        quotes=(GoldQuote(document_key="b.md", text="Snow"), GoldQuote(document_key="a.md", text="falls\n")),
        note="from a sign",
        state=GoldenState.PROPOSED,
        origin=Origin.IMPORT,
        origin_ref="row-1",
        author=KeyId("key_ann"),
    )

    await keep(catalog, asked)

    async with catalog.reading() as tx:
        assert await tx.golden.get(READER, asked.id) == asked


async def test_of_many_named_questions_those_that_exist_come_back(catalog: SqlCatalog) -> None:
    made = [golden(str(number), state=state) for number, state in enumerate(GoldenState)]
    await keep(catalog, *made)
    asked = {question.id for question in made} | {GoldenId("gold_unknown")}

    async with catalog.writing() as tx:
        found = await tx.golden.known(READER, asked, lock=True)
        assert found == await tx.golden.known(READER, asked) == {question.id: question for question in made}
        assert await tx.golden.known(STRANGER, asked, lock=True) == {}
        assert await tx.golden.get(READER, made[0].id, lock=True) == made[0]


async def test_another_tenants_or_corpus_questions_are_not_found(catalog: SqlCatalog) -> None:
    await keep(catalog, golden())

    for scope in (STRANGER, ELSEWHERE):
        async with catalog.writing() as tx:
            for call in (
                tx.golden.get(scope, golden().id),
                tx.golden.change(scope, golden()),
                tx.golden.remove(scope, golden().id),
                tx.golden.add(scope, [golden("two")]),
            ):
                with pytest.raises(NotFound):
                    await call
            assert await tx.golden.all(scope, CORPUS, states=tuple(GoldenState)) == []
            assert set((await tx.golden.counts(scope, CORPUS)).values()) == {0}
    assert await kept(catalog) == [golden().id]


async def test_content_and_state_change_but_not_where_it_came_from(catalog: SqlCatalog) -> None:
    await keep(catalog, golden(origin_ref="row-1"))
    changed = golden(answerable=False, answers=(), state=GoldenState.REJECTED, note="no", edits=2, updated_at=at(9))

    async with catalog.writing() as tx:
        await tx.golden.change(SYSTEM, replace(changed, origin=Origin.GAP, author=KeyId("x"), created_at=at(8)))
        assert await tx.golden.get(SYSTEM, changed.id) == replace(changed, origin_ref="row-1")


async def test_a_removed_question_is_gone_once(catalog: SqlCatalog) -> None:
    await keep(catalog, golden(**quoting("a")))

    async with catalog.writing() as tx:
        await tx.golden.remove(SYSTEM, golden().id)
        with pytest.raises(NotFound):
            await tx.golden.remove(SYSTEM, golden().id)


async def test_questions_are_listed_by_state_oldest_first_and_counted(catalog: SqlCatalog) -> None:
    late, early = golden("late", seconds=5), golden("early", seconds=1)
    await keep(catalog, late, early, golden("waits", state=GoldenState.PROPOSED))

    async with catalog.reading() as tx:
        assert await tx.golden.all(SYSTEM, CORPUS, states=[GoldenState.ACCEPTED]) == [early, late]
        assert await tx.golden.counts(SYSTEM, CORPUS) == {
            GoldenState.PROPOSED: 1,
            GoldenState.ACCEPTED: 2,
            GoldenState.REJECTED: 0,
        }


async def test_pages_go_on_where_the_last_ended(catalog: SqlCatalog) -> None:
    await keep(catalog, *(golden(str(second), seconds=second) for second in range(3)))

    async with catalog.reading() as tx:
        first = await tx.golden.page(SYSTEM, CORPUS, state=GoldenState.ACCEPTED, page=PageRequest(limit=2))
        rest = await tx.golden.page(SYSTEM, CORPUS, state=None, page=PageRequest(limit=2, after=first.items[-1].id))

    assert ([one.id for one in first.items], first.has_more) == (["gold_2", "gold_1"], True)
    assert ([one.id for one in rest.items], rest.has_more) == (["gold_0"], False)


async def test_a_quote_of_no_document_is_refused(catalog: SqlCatalog) -> None:
    await keep(catalog, golden())

    async with catalog.writing() as tx:
        for call in (
            tx.golden.add(SYSTEM, [golden("two", **quoting("absent"))]),
            tx.golden.change(SYSTEM, golden(**quoting("absent"))),
        ):
            with pytest.raises(NotFound, match=r"absent\.md"):
                await call


async def test_a_question_is_hidden_with_the_document_it_quotes(catalog: SqlCatalog) -> None:
    draft = await upload(catalog, "secret", principals=frozenset({"board"}))
    await prepare(catalog, "secret")
    await seal(catalog, draft)
    await keep(catalog, golden("open", **quoting("a")), golden("closed", **quoting("secret")))

    async with catalog.reading() as tx:
        with pytest.raises(NotFound):
            await tx.golden.get(READER, GoldenId("gold_closed"))
        assert (await tx.golden.counts(READER, CORPUS))[GoldenState.ACCEPTED] == 1
    assert await kept(catalog, scope=READER) == ["gold_open"]
    assert await kept(catalog, scope=_in_the_board()) == ["gold_closed", "gold_open"]


async def test_questions_are_hidden_at_once_and_erased_with_the_document_they_quote(catalog: SqlCatalog) -> None:
    await keep(catalog, golden("a", **quoting("a")), golden("b", **quoting("b")), golden("none"))
    async with catalog.writing() as tx:
        await tx.golden.change(SYSTEM, golden("none", **quoting("a")))

    await request(catalog)
    assert await kept(catalog, scope=READER) == ["gold_b"]
    removal, _ = await remove(catalog)

    assert removal.removed["golden_questions"] == 2
    assert await kept(catalog) == ["gold_b"]


async def test_a_question_that_quotes_a_document_no_more_outlives_it(catalog: SqlCatalog) -> None:
    await keep(catalog, golden(**quoting("a")))
    async with catalog.writing() as tx:
        await tx.golden.change(SYSTEM, golden(**quoting("b")))
    await request(catalog)

    await remove(catalog)

    assert await kept(catalog) == [golden().id]


async def test_an_edit_and_the_erasure_of_the_document_it_quotes_do_not_wait_for_each_other(
    catalog: SqlCatalog,
) -> None:
    asked = golden()
    await keep(catalog, asked)
    manage = ManageGolden(catalog=catalog, clock=lambda: at(9))
    changes = ContentChanges(**quoting("b"))

    async with catalog.writing() as tx:
        await tx.erasures.revisions(SYSTEM, document("b").id, hold=True)
        editing = asyncio.create_task(manage.edit(SYSTEM, corpus=CORPUS, golden_id=asked.id, changes=changes))
        await asyncio.sleep(0.3)  # by now it waits for the document, and nothing tells
        await tx.golden.remove(SYSTEM, asked.id)

    with pytest.raises(NotFound, match=asked.id):
        await editing


async def test_questions_from_a_persons_answers_are_erased_with_them(catalog: SqlCatalog) -> None:
    answer = await add_answer(catalog, "first")
    from_it = golden("from_it", origin=Origin.FEEDBACK, origin_ref=answer.id)
    await keep(catalog, from_it, golden("other", origin=Origin.FEEDBACK, origin_ref="answer_other"))
    await request(catalog, erasure())

    async with catalog.writing() as tx:
        removal = await tx.erasures.remove_answers(SYSTEM, [tombstone(TombstoneKind.ANSWER, answer.id)])

    assert removal.removed["golden_questions"] == 1
    assert await kept(catalog) == ["gold_other"]


async def test_verdicts_acceptances_and_kept_replies_go_with_a_question(catalog: SqlCatalog) -> None:
    answer = await add_answer(catalog, "first")
    await keep(catalog, golden("from_it", origin=Origin.FEEDBACK, origin_ref=answer.id))
    draft_id = await hold(catalog, "c")
    await preview(catalog, draft_id)
    async with catalog.writing() as tx:
        await tx.gates.put(SYSTEM, verdict(await tx.drafts.get(SYSTEM, draft_id), worse=[regression()]))
        for question_id, who in (("gold_from_it", "key_ann"), ("gold_other", "key_app/person")):
            accepted = Acceptance(
                draft_id=draft_id,
                question_id=GoldenId(question_id),
                kind=RegressionKind.ABSTAINS,
                reason="so",
                accepted_by=who,
                created_at=at(1),
            )
            await tx.gates.accept(SYSTEM, accepted)
        await tx.replies.keep(SYSTEM, "one", "hash", 200, '{"id": "gold_from_it", "text": "Snow"}')
    await request(catalog, erasure())

    async with catalog.writing() as tx:
        await tx.erasures.remove_answers(SYSTEM, [tombstone(TombstoneKind.ANSWER, answer.id)])
        assert [one.question_id for one in await tx.gates.accepted(SYSTEM, draft_id)] == ["gold_other"]
        await tx.erasures.remove_person(SYSTEM, "person")

        assert await tx.gates.of_draft(SYSTEM, draft_id) is None
        assert await tx.gates.accepted(SYSTEM, draft_id) == []
        assert await tx.replies.find(SYSTEM, "one") is None


async def test_what_people_thought_of_an_answer_is_read_newest_first(catalog: SqlCatalog) -> None:
    answer = await add_answer(catalog, "first")
    down = Feedback(answer_id=answer.id, rating=-1, comment="no 🐧", created_at=at(2))
    up = Feedback(answer_id=answer.id, rating=1, comment="", created_at=at(1))
    async with catalog.writing() as tx:
        await tx.answers.add_feedback(SYSTEM, up)
        await tx.answers.add_feedback(READER, down)

    async with catalog.reading() as tx:
        assert await tx.answers.feedback(READER, answer.id) == [down, up]
        with pytest.raises(NotFound):
            await tx.answers.feedback(STRANGER, answer.id)


def _in_the_board() -> AccessScope:
    return replace(READER, principals=READER.principals | {"board"})
