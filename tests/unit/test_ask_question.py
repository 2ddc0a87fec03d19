"""From a question to a stored, cited answer."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.domain.answers import (
    Answer,
    AnswerEvent,
    AnswerStatus,
    Finished,
    Message,
    Question,
    SearchedWith,
    SourcesFound,
    UnitEmitted,
)
from rag_service.domain.costs import Cost
from rag_service.domain.filters import parse_filter
from rag_service.domain.spans import sha256_of
from rag_service.errors import GeneratorUnavailable, InvalidRequest
from rag_service.generation.fallback import FallbackGenerator
from rag_service.settings import GenerationSettings, ModelPrice, RetrievalSettings
from rag_service.use_cases.ask_question import AskQuestion
from rag_service.use_cases.searching.options import SearchOptions
from tests.unit.asking import SCOPE, SOURCES, AnswerShelf, OneSearch, Scripted, asked, asker


async def events(ask: AskQuestion, *texts: str) -> list[AnswerEvent]:
    return [event async for event in ask(SCOPE, asked(*(texts or ("Which port does the service start on?",))))]


async def answer(
    script: Sequence[str | Exception], search: OneSearch | None = None, generation: GenerationSettings | None = None
) -> Answer:
    return (await events(asker(Scripted(script), search, generation=generation)))[-1].answer  # type: ignore[union-attr]


async def test_the_sources_come_before_anything_is_generated() -> None:
    generator = Scripted(["The service starts on port 8000. [1]"])
    stream = asker(generator)(SCOPE, asked("Which port does the service start on?"))

    first = await anext(stream)
    await stream.aclose()

    assert isinstance(first, SourcesFound)
    assert (len(first.passages), first.version, generator.closed) == (2, 3, False)


async def test_a_supported_answer_is_answered_and_stored() -> None:
    shelf = AnswerShelf()
    found = await events(asker(Scripted(["The service starts on", " port 8000. [1]"]), shelf=shelf))

    [stored] = shelf.answers
    assert (stored.text, stored.status, stored.reason) == (
        "The service starts on port 8000. [1]",
        AnswerStatus.ANSWERED,
        None,
    )
    assert found[-1].answer == stored  # type: ignore[union-attr]
    assert (stored.usage.prompt_tokens, stored.generator, stored.prompt_version) == (5, "scripted", "p1")


PRICED = GenerationSettings(
    backend="openai", model="small", prices={"small": ModelPrice(input=2.0, output=10.0)}, currency="EUR"
)


@pytest.mark.parametrize(
    ("generation", "cost"),
    [
        (PRICED, Cost(amount=(5 * 2 + 2 * 10) / 1_000_000, currency="EUR")),
        (PRICED.model_copy(update={"model": "another"}), None),
        (GenerationSettings(), Cost(amount=0.0, currency="USD")),
    ],
    ids=["a price", "no price of this model", "no model"],
)
async def test_tokens_cost_what_is_configured(generation: GenerationSettings, cost: Cost | None) -> None:
    assert (await answer(["The service starts on port 8000. [1]"], generation=generation)).cost == cost


async def test_nobody_knows_what_a_model_cost_that_failed() -> None:
    failing = ["The service starts on port 8000. [1] ", GeneratorUnavailable("gone")]

    assert (await answer(failing, generation=PRICED)).cost is None


async def test_nor_what_one_cost_for_which_another_stepped_in() -> None:
    chain = FallbackGenerator(
        Scripted([GeneratorUnavailable("gone")]), Scripted(["The service starts on port 8000. [1]"])
    )

    stored = (await events(asker(chain, generation=PRICED)))[-1].answer  # type: ignore[union-attr]

    assert (stored.by_stand_in, stored.cost) == (True, None)


async def test_an_answer_that_is_not_to_be_kept_differs_in_nothing_else() -> None:
    shelf, question = AnswerShelf(), asked("Which port does the service start on?")
    ask = asker(Scripted(["The service starts on port 8000. [1]"]), shelf=shelf)
    kept = [event async for event in ask(SCOPE, question)][-1].answer  # type: ignore[union-attr]
    left = [event async for event in ask(SCOPE, question, keep=False)][-1].answer  # type: ignore[union-attr]

    assert shelf.answers == [kept]
    assert replace(left, id=kept.id, timings_ms=kept.timings_ms) == kept


async def test_what_the_search_did_without_stands_in_the_record_and_is_told_the_generator() -> None:
    generator, question = Scripted([f"{SOURCES[0]} [1]"]), asked("Which port does the service start on?")
    search = OneSearch(dense_score=0.0, degraded=("embedding",))

    events = [event async for event in asker(generator, search)(SCOPE, question)]

    assert events[-1].answer.degraded == ("embedding",)
    assert generator.requests[0].by_words


async def test_it_is_searched_exactly_only_where_that_is_asked_for() -> None:
    search, question = OneSearch(), asked("Which port does the service start on?")
    for exact in (True, False):
        async for _ in asker(Scripted([]), search)(SCOPE, question, exact=exact):
            pass

    assert [options.exact for options in search.options] == [True, False]


async def test_it_is_searched_for_what_the_question_wishes_and_the_settings_say() -> None:
    wanted = parse_filter({"type": "eq", "key": "lang", "value": "de"})
    search, question = OneSearch(), replace(asked("Which port is it?"), filters=wanted, per_document=2)
    retrieval = RetrievalSettings(passages=5, neighbours=1)
    told = [event async for event in asker(Scripted([]), search, retrieval=retrieval)(SCOPE, question)]

    assert search.options == [SearchOptions(limit=5, distinct=True, filters=wanted, per_document=2, neighbours=1)]
    noted = SearchedWith(filters=wanted, per_document=2, limit=5, neighbours=1)
    assert isinstance(told[-1], Finished) and told[-1].answer.searched_with == noted


async def test_the_units_sent_are_the_text_stored() -> None:
    found = await events(
        asker(Scripted(["Rollback takes a second. [2]\n\nInvented thing. [1] The service starts on port 8000."]))
    )

    sent = "".join(event.text for event in found if isinstance(event, UnitEmitted))

    assert sent == found[-1].answer.text == "Rollback takes a second. [2]\n\nThe service starts on port 8000. [1]"  # type: ignore[union-attr]


async def test_an_invented_sentence_does_not_leave() -> None:
    told = await answer(["Updates use a custom thread-safe queue. [2] ", "Rollback takes a second. [2]"])

    assert (told.text, told.status, told.dropped_units) == ("Rollback takes a second. [2]", AnswerStatus.PARTIAL, 1)
    assert told.reason == "units_dropped"


async def test_when_nothing_survives_the_documents_own_words_are_the_answer() -> None:
    told = await answer(["Updates use a custom thread-safe queue. [2]"])

    assert told.text.startswith("The service starts on port 8000. [1]")
    assert (told.status, told.generator) == (AnswerStatus.PARTIAL, "extractive-2")


async def test_a_generator_that_fails_midway_leaves_a_partial_answer() -> None:
    told = await answer(["Rollback takes a second. [2] The ser", GeneratorUnavailable("gone")])

    assert (told.text, told.status, told.reason) == (
        "Rollback takes a second. [2]",
        AnswerStatus.PARTIAL,
        "generator_failed",
    )
    assert told.dropped_units == 1


async def test_a_generator_that_declines_makes_it_abstain() -> None:
    told = await answer(["NO_", "ANSWER"])

    assert (told.status, told.reason, told.citations) == (AnswerStatus.ABSTAINED, "generator_declined", ())
    assert told.text.startswith("The documents do not say.")


async def test_far_passages_lead_to_abstention_without_generating() -> None:
    told = await answer([RuntimeError("must not be called")], OneSearch(dense_score=0.05))

    assert (told.status, told.reason, len(told.passages)) == (AnswerStatus.ABSTAINED, "not_answerable", 2)


async def test_an_empty_corpus_leads_to_abstention() -> None:
    assert (await answer([], OneSearch(texts=()))).reason == "nothing_found"


async def test_a_greeting_gets_the_fixed_reply_without_a_search() -> None:
    search = OneSearch()
    told = (await events(asker(Scripted([]), search), "Hello!"))[-1].answer  # type: ignore[union-attr]

    assert "handbook" in told.text and "How the service works" in told.text
    assert (told.status, search.asked, told.searched_with) == (AnswerStatus.ANSWERED, [], None)


async def test_a_follow_up_is_searched_as_a_standalone_question() -> None:
    search = OneSearch()
    await events(asker(Scripted([]), search), "How do I publish a draft?", "Can it be undone?")

    assert search.asked == ["Can it be undone? (publish draft)"]


async def test_closing_the_stream_closes_the_generator() -> None:
    generator = Scripted(["Rollback takes a second. [2] ", "The service starts on port 8000. [1]"])
    stream = asker(generator)(SCOPE, asked("Which port does the service start on?"))
    while not isinstance(await anext(stream), UnitEmitted):
        pass

    await stream.aclose()

    assert generator.closed


@pytest.mark.parametrize(
    "messages", [(), (Message(role="assistant", content="Hi"),), (Message(role="user", content=" "),)]
)
async def test_a_conversation_that_asks_nothing_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(InvalidRequest):
        await anext(asker(Scripted([]))(SCOPE, Question(corpus="handbook", messages=messages)))


SENTENCES = st.sampled_from(
    ["The service starts on port 8000. [1]", "rollback takes a second", "Zebras graze. [2]", "- All data is in one folder [1]",
     "| A draft | published |", "\n", "  ", "[2]", "Dr.", "```\ncode\n```\n", "Der Dienst startet.", "It keeps all data in one folder."]
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(SENTENCES, max_size=6).map(" ".join), st.integers(1, 9))
async def test_every_citation_resolves_in_message_and_document(text: str, size: int) -> None:
    told = await answer([text[at : at + size] for at in range(0, len(text), size)])

    for citation in told.citations:
        source = " " * 100 + SOURCES[citation.number - 1]
        assert sha256_of(citation.quote_span.of(source)) == citation.quote_sha256
        unit = told.text[citation.start : citation.end]
        assert unit == unit.strip() != ""
        assert f"[{citation.number}]" in told.text[citation.end : citation.end + 14]
