"""From an answer of the service to what a person needs to judge it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from eval.datasets.cases import Case, asked
from eval.evidence import documents_in, evidence_of, evidence_of_failure
from eval.metrics.suite_scores import scores_of
from rag_service.domain.answers import Answer, AnswerStatus, Citation, Message, Passage, Usage
from rag_service.domain.golden import GoldQuote
from rag_service.domain.ids import AnswerId, ChunkId, CorpusId, DocumentId, TenantId
from rag_service.domain.spans import Span
from tests.values import passage

TEXT = "The sky is blue, and so is the sea."
GOLD = GoldQuote(document_key="a", text="the sky is  BLUE")
CASE = Case(id="1", messages=asked("Sky?"), answerable=True, answers=("blue",), quotes=(GOLD,))


def found(key: str, rank: int = 1, text: str = TEXT) -> Passage:
    return replace(passage(text, rank=rank), document_id=DocumentId(f"doc_{key}"), attributes={"document_key": key})


def citation(number: int, quote: str = "The sky is blue", key: str = "a") -> Citation:
    return Citation(
        start=0, end=16, number=number, chunk_id=ChunkId(f"chunk-{number}"), document_id=DocumentId(f"doc_{key}"),
        revision=1, filename=f"{key}.md", page=None, quote_span=Span(0, len(quote)), quote=quote, support=0.9,
    )  # fmt: skip


def answer(*passages: Passage, cited: tuple[Citation, ...] = (), **changes: Any) -> Answer:
    made = Answer(
        id=AnswerId("answer_1"), tenant_id=TenantId("t"), key_id=None, corpus_id=CorpusId("c"), corpus_name="c",
        version=1, messages=(), searched_for="Sky?", text="The sky is blue. [1]", status=AnswerStatus.ANSWERED,
        reason=None, citations=cited, passages=passages, dropped_units=0, answerability=0.9, generator="extractive",
        prompt_version="none", usage=Usage(prompt_tokens=3), timings_ms={"total": 5.0}, created_at=datetime.now(UTC),
    )  # fmt: skip
    return replace(made, **changes)


def test_the_gold_words_are_found_at_the_rank_of_the_first_passage_that_holds_them() -> None:
    seen = evidence_of(CASE, answer(found("a", 1, "Other words."), found("b", 2), found("a", 3)), resolved=())

    assert seen["gold_rank"] == 3
    assert [one["document_key"] for one in seen["found"]] == ["a", "b", "a"]


def test_a_citation_of_the_gold_words_counts_in_their_document_only() -> None:
    right = evidence_of(CASE, answer(found("a"), cited=(citation(1),)), resolved=(True,))
    elsewhere = evidence_of(CASE, answer(found("b"), cited=(citation(1, key="b"),)), resolved=(True,))

    assert (right["gold_cited"], elsewhere["gold_cited"]) == (True, False)


def test_a_citation_of_other_words_of_the_gold_document_does_not_count() -> None:
    seen = evidence_of(CASE, answer(found("a"), cited=(citation(1, "so is the sea"),)), resolved=(True,))

    assert seen["gold_cited"] is False


def test_a_refusal_cites_neither_rightly_nor_wrongly() -> None:
    seen = evidence_of(CASE, answer(found("a"), status=AnswerStatus.ABSTAINED), resolved=())

    assert (seen["gold_cited"], seen["gold_rank"]) == (None, 1)


def test_a_gold_quote_without_words_is_its_whole_document() -> None:
    case = replace(CASE, quotes=(GoldQuote(document_key="a", text=""),))

    assert evidence_of(case, answer(found("b"), found("a", 2)), resolved=())["gold_rank"] == 2


def test_earlier_turns_stand_apart_from_the_question() -> None:
    case = replace(CASE, messages=(Message(role="user", content="Hi"), *CASE.messages))

    seen = evidence_of(case, answer(), resolved=())

    assert (seen["question"], seen["conversation"]) == ("Sky?", [{"role": "user", "content": "Hi"}])


def test_every_document_whose_words_are_shown_is_named() -> None:
    made = answer(found("a"), found("b", 2), cited=(citation(1),))

    assert documents_in(made) == {"doc_a", "doc_b"}


def test_a_failure_has_the_same_fields_as_an_answer() -> None:
    failed, answered = evidence_of_failure(CASE, "down"), evidence_of(CASE, answer(), resolved=())

    assert failed.keys() == answered.keys()
    assert all(score.reason == "down" for score in scores_of(failed).values())


def test_the_same_content_has_the_same_digest_whatever_it_is_called() -> None:
    assert replace(CASE, id="2").digest == CASE.digest
    assert replace(CASE, answers=("red",)).digest != CASE.digest
