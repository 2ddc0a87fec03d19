"""What was written for one question is given to whoever asks the same, and to nobody else."""

from dataclasses import replace

import pytest

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.answers import Answer, Message, Question
from rag_service.domain.costs import Cost
from rag_service.domain.ids import CorpusId, TenantId
from rag_service.errors import GeneratorUnavailable
from rag_service.generation.fallback import FallbackGenerator
from rag_service.settings import AnswerSettings, GenerationSettings, ModelPrice
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.ask_question import AskQuestion
from tests.unit.asking import CORPUS, SCOPE, SOURCES, AnswerShelf, OneSearch, Scripted, asked, asker

QUESTION = asked("Which port does the service start on?")
SCRIPT = ["The service starts on port 8000. [1]"]
PRICED = GenerationSettings(backend="openai", model="small", prices={"small": ModelPrice(input=2.0, output=10.0)})


async def answered(
    ask: AskQuestion, scope: AccessScope = SCOPE, question: Question = QUESTION, *, keep: bool = True
) -> Answer:
    return [event async for event in ask(scope, question, keep=keep)][-1].answer  # type: ignore[union-attr]


async def test_the_same_question_is_answered_again_without_a_generator() -> None:
    generator, shelf = Scripted(SCRIPT), AnswerShelf()
    ask = asker(generator, shelf=shelf)

    first, second = await answered(ask), await answered(ask)

    assert (generator.begun, first.cached, second.cached) == (1, False, True)
    assert (second.text, second.citations) == (first.text, first.citations)
    assert shelf.answers == [first, second] and first.id != second.id


async def test_what_is_given_again_costs_nothing() -> None:
    ask = asker(Scripted(SCRIPT), generation=PRICED)

    first, second = await answered(ask), await answered(ask)

    assert first.usage.prompt_tokens == 5 and first.cost is not None and first.cost.amount > 0
    assert (second.usage.prompt_tokens, second.cost) == (0, Cost(amount=0.0, currency="USD"))
    assert "generate" in first.timings_ms and "generate" not in second.timings_ms


CONVERSATION = (Message(role="user", content="What is a draft?"), Message(role="assistant", content="A list."))


@pytest.mark.parametrize(
    ("scope", "question"),
    [
        (replace(SCOPE, tenant_id=TenantId("u")), QUESTION),
        (replace(SCOPE, principals=frozenset({EVERYONE, "board"})), QUESTION),
        (replace(SCOPE, permissions=SCOPE.permissions | {Permission.HISTORY}), QUESTION),
        (replace(SCOPE, corpora=frozenset({CORPUS.id})), QUESTION),
        (SCOPE, asked("Which port does the service begin on?")),
        (SCOPE, replace(QUESTION, messages=CONVERSATION + QUESTION.messages)),
    ],
    ids=["tenant", "principals", "permissions", "corpora", "question", "conversation"],
)
async def test_nothing_is_given_across(scope: AccessScope, question: Question) -> None:
    generator = Scripted(SCRIPT)
    ask = asker(generator)

    answers = [await answered(ask), await answered(ask, scope, question)]

    assert (generator.begun, [answer.cached for answer in answers]) == (2, [False, False])


@pytest.mark.parametrize(
    "search",
    [
        OneSearch(texts=(SOURCES[0], "A draft is a list of changes.")),
        OneSearch(texts=SOURCES[:1]),
        OneSearch(corpus=replace(CORPUS, id=CorpusId("d"))),
        OneSearch(corpus=replace(CORPUS, erasures=1)),
    ],
    ids=["another passage", "one fewer", "another corpus", "after an erasure"],
)
async def test_nor_when_what_it_was_written_from_is_not_the_same(search: OneSearch) -> None:
    cache, generator = AnswerCache(AnswerSettings()), Scripted(SCRIPT)

    await answered(asker(generator, cache=cache))
    second = await answered(asker(generator, search, cache=cache))

    assert (generator.begun, second.cached) == (2, False)


async def test_nor_under_another_prompt() -> None:
    cache = AnswerCache(AnswerSettings())
    await answered(asker(Scripted(SCRIPT), cache=cache))

    assert not (await answered(asker(Scripted(SCRIPT, prompt_version="p2"), cache=cache))).cached


async def test_an_answer_survives_a_publish_that_leaves_its_passages() -> None:
    cache, generator = AnswerCache(AnswerSettings()), Scripted(SCRIPT)
    published = OneSearch(corpus=replace(CORPUS, published=4, highest=4), dense_score=0.79)

    await answered(asker(generator, cache=cache))
    second = await answered(asker(generator, published, cache=cache))

    assert (second.cached, second.version, second.passages[0].dense_score) == (True, 4, 0.79)


async def test_an_answer_that_broke_off_is_written_again() -> None:
    generator = Scripted([*SCRIPT, " ", GeneratorUnavailable("gone")])
    ask = asker(generator)

    answers = [await answered(ask), await answered(ask)]

    assert (generator.begun, [answer.reason for answer in answers]) == (2, ["generator_failed"] * 2)


async def test_so_is_one_for_which_another_generator_stepped_in() -> None:
    failing = Scripted([GeneratorUnavailable("gone")])
    ask = asker(FallbackGenerator(failing, Scripted(SCRIPT)))

    answers = [await answered(ask), await answered(ask)]

    assert (failing.begun, [answer.cached for answer in answers]) == (2, [False, False])


async def test_what_a_second_look_ordered_only_in_part_is_kept_for_these_passages() -> None:
    generator = Scripted(SCRIPT)
    ask = asker(generator, OneSearch(degraded=("rerank",)))

    first, second = await answered(ask), await answered(ask)

    assert (generator.begun, second.cached, second.degraded) == (1, True, ("rerank",))
    assert first.degraded == ("rerank",)


async def test_what_a_degraded_search_found_is_neither_kept_nor_answered_with_what_is() -> None:
    cache, generator = AnswerCache(AnswerSettings()), Scripted(SCRIPT)
    degraded = asker(generator, OneSearch(degraded=("embedding",)), cache=cache)

    answers = [await answered(degraded), await answered(asker(generator, cache=cache)), await answered(degraded)]

    assert (generator.begun, [answer.cached for answer in answers]) == (3, [False] * 3)


async def test_that_the_documents_do_not_say_is_worth_keeping_too() -> None:
    generator = Scripted(["NO_ANSWER"])
    ask = asker(generator)

    first, second = await answered(ask), await answered(ask)

    assert (generator.begun, second.cached, second.text) == (1, True, first.text)
    assert second.reason == "generator_declined"


async def test_what_is_measured_is_written_anew_and_not_given_to_others() -> None:
    generator = Scripted(SCRIPT)
    ask = asker(generator)

    answers = [await answered(ask, keep=keep) for keep in (False, True, False)]

    assert (generator.begun, [answer.cached for answer in answers]) == (3, [False] * 3)
