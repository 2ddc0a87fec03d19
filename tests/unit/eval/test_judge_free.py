"""Faithfulness and relevance by the service's own parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.judge_free import NO_PASSAGE, NO_SENTENCE, faithfulness, judge_free_scores
from eval.metrics.ragas import is_failure
from eval.metrics.scores import Score
from eval.metrics.suite_scores import ABSTAINED
from rag_service.domain.metric_names import FAITHFULNESS, RELEVANCE
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.errors import EmbedderUnavailable
from rag_service.verification.checker import QuoteChecker
from rag_service.verification.lexical import LexicalVerifier
from tests.unit.eval.case_evidence import evidence, found

EMBEDDER = HashingEmbedder(64)


async def scored(**changes) -> dict[str, Score]:
    checker = QuoteChecker(LexicalVerifier(EMBEDDER), threshold=0.0)
    return await judge_free_scores(evidence(**changes), checker=checker, embedder=EMBEDDER, threshold=0.6)


async def test_words_of_a_passage_are_faithful_to_it() -> None:
    assert (await scored())[FAITHFULNESS] == Score(1.0)


async def test_faithfulness_is_the_share_of_sentences_that_a_passage_supports() -> None:
    scores = await scored(answer="The sky is blue. [1] Moscow has 30 airports.")

    assert scores[FAITHFULNESS] == Score(0.5)


async def test_a_number_that_differs_is_not_supported() -> None:
    scores = await scored(answer="It takes 5 days.", found=[found("a", "It takes 6 days.")])

    assert scores[FAITHFULNESS] == Score(0.0)


async def test_an_answer_in_the_words_of_the_question_is_about_it() -> None:
    near = await scored(answer="The colour the sky is: what colour?")
    far = await scored(answer="Tomatoes ripen late.")

    assert near[RELEVANCE].value > far[RELEVANCE].value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "abstained"}, ABSTAINED),
        ({"failure": "could not be asked"}, "could not be asked"),
        ({"found": []}, NO_PASSAGE),
        ({"answer": ""}, NO_SENTENCE),
    ],
)
async def test_what_cannot_be_measured_says_why(changes, reason: str) -> None:
    assert (await scored(**changes))[FAITHFULNESS] == Score(None, reason)


async def test_a_part_that_is_down_makes_the_scores_missing_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object) -> None:
        raise EmbedderUnavailable

    monkeypatch.setattr(EMBEDDER, "embed_query", down)

    scores = await scored()

    assert scores[RELEVANCE] == Score(None, "could not be measured: EmbedderUnavailable")
    assert all(map(is_failure, scores.values()))


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_another_supported_sentence_never_lowers_faithfulness(supports: list[float], threshold: float) -> None:
    before = faithfulness(supports, threshold=threshold).value

    assert before <= faithfulness([*supports, 1.0], threshold=threshold).value <= 1.0
