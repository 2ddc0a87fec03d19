"""The first answerability score."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.domain.answerability import answerability, misses_number, sentence_coverage
from tests.unit.answer_values import PASSAGES


def test_without_passages_nothing_can_be_answered() -> None:
    assert answerability("What?", ()) == 0.0


def test_words_found_in_a_passage_raise_the_score() -> None:
    assert answerability("Which port?", PASSAGES) > answerability("Which zebra?", PASSAGES)


def test_without_cosines_the_words_decide() -> None:
    unmeasured = [replace(passage, dense_score=0.0) for passage in PASSAGES]
    known, unknown = "On which port does the service start?", "Which zebra eats grass?"

    assert answerability(known, unmeasured) < 0.32 < answerability(known, unmeasured, by_words=True)
    assert answerability(unknown, unmeasured, by_words=True) < 0.32


def test_coverage_is_one_when_a_sentence_has_all_words() -> None:
    assert sentence_coverage("On which port does the service start?", PASSAGES) == 1.0


def test_words_spread_over_sentences_cover_less_than_those_of_one() -> None:
    spread = sentence_coverage("Which port keeps the folder?", PASSAGES)

    assert 0 < spread < 1


def test_a_number_that_no_passage_has_lowers_the_score() -> None:
    known, unknown = "Does the service start on port 8000?", "Does the service start on port 9000?"

    assert (misses_number(known, PASSAGES), misses_number(unknown, PASSAGES)) == (False, True)
    assert answerability(unknown, PASSAGES) < answerability(known, PASSAGES)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40), st.floats(-1, 1), st.floats(0, 0.5))
def test_the_score_is_a_share_and_grows_with_the_cosine(question: str, cosine: float, more: float) -> None:
    low, high = (
        answerability(question, [replace(PASSAGES[0], dense_score=score)]) for score in (cosine, min(1, cosine + more))
    )

    assert 0 <= low <= high <= 1
