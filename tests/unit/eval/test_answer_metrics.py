"""Abstention and the words of answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.abstention import Decision, abstention_metrics
from eval.metrics.scores import Score
from eval.metrics.text import NO_REFERENCE, contains_answer, exact_match, token_f1, without_marks

decisions = st.lists(st.builds(Decision, answerable=st.booleans(), abstained=st.booleans()))


def figures(taken: list[Decision]) -> dict[str, float | None]:
    return {metric.name: metric.value for metric in abstention_metrics(taken)}


def made(*pairs: tuple[bool, bool]) -> list[Decision]:
    return [Decision(answerable=answerable, abstained=abstained) for answerable, abstained in pairs]


def test_abstention_is_scored_as_a_decision_about_unanswerable_questions() -> None:
    taken = made(
        (False, True), (False, True), (False, False), (True, True), (True, False), (True, False), (True, False)
    )

    assert figures(taken) == pytest.approx(
        {
            "abstention precision": 2 / 3,
            "abstention recall": 2 / 3,
            "abstention F1": 2 / 3,
            "false abstention rate": 1 / 4,
        }
    )


def test_precision_is_missing_when_the_service_never_abstained() -> None:
    assert figures(made((False, False), (True, False)))["abstention precision"] is None


def test_without_answerable_questions_there_is_no_false_abstention_rate() -> None:
    assert figures(made((False, True)))["false abstention rate"] is None


@given(decisions)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(taken: list[Decision]) -> None:
    found = figures(taken)
    precision, recall = found["abstention precision"], found["abstention recall"]

    if precision and recall:
        assert found["abstention F1"] == pytest.approx(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize(
    ("answer", "expected", "score"),
    [
        ("The Normans", ["normans!"], 1.0),
        ("Normans", ["Franks", "a Normans"], 1.0),
        ("In Normandy", ["Normandy"], 0.0),
    ],
)
def test_an_exact_match_ignores_case_articles_and_punctuation(answer: str, expected: list[str], score: float) -> None:
    assert exact_match(answer, expected) == Score(score)


def test_token_f1_counts_each_shared_word_once() -> None:
    assert token_f1("blue blue sky", ["blue sea"]).value == pytest.approx(2 * 1 / (3 + 2))


def test_an_answer_is_contained_as_whole_words_only() -> None:
    assert contains_answer("It was in 1066, they say.", ["in 1066"]) == Score(1.0)
    assert contains_answer("It was in 10667.", ["1066"]) == Score(0.0)


@pytest.mark.parametrize("expected", [[], ["%"], [""]])
def test_without_comparable_references_nothing_is_measured(expected: list[str]) -> None:
    assert contains_answer("anything", expected) == Score(None, NO_REFERENCE)


def test_marks_are_not_part_of_the_words() -> None:
    assert without_marks("It is blue. [1][3] It is big. [2]") == "It is blue. It is big."


@given(st.text(), st.text())
def test_token_f1_does_not_depend_on_which_side_is_which(one: str, other: str) -> None:
    forward, backward = token_f1(one, [other]), token_f1(other, [one])

    if forward.value is not None and backward.value is not None:
        assert forward.value == pytest.approx(backward.value)
