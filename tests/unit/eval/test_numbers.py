"""Are the numbers of an answer right, however they are written?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.numbers import NO_NUMBER, number_match, numbers_in
from eval.metrics.scores import Score
from eval.metrics.text import NO_REFERENCE


@pytest.mark.parametrize(
    "written",
    ["1,234.5", "1.234,5", "1 234.5", "1\u202f234,5", "1'234.5", "1234.50", "01234.5", "1\u00a0234.5 %"],
)
def test_one_number_is_written_in_many_ways(written: str) -> None:
    assert numbers_in(f"It was {written}.") == {"1234.5"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,234,567 of 2.000.000", {"1234567", "2000000"}),
        ("1,234 or 1.234 or 0,125", {"1234", "1.234", "0.125"}),
        ("3,5 and 3.5", {"3.5"}),
        ("12 % or 12 percent", {"12"}),
        ("Twelve of seventy, not one", {"12", "1"}),
        ("5-10 days at -3 and \u22124 degrees", {"5", "10", "-3", "-4"}),
        ("2026-11-22", {"2026", "11", "22"}),
        ("version 1.2.3", {"1.2.3"}),
        ("rooms 12 345", {"12345"}),
        ("12 3456", {"12", "3456"}),
        ("no number, none", set()),
    ],
)
def test_numbers_are_read_as_people_read_them(text: str, numbers: set[str]) -> None:
    assert numbers_in(text) == numbers


def test_every_number_of_the_expected_answer_has_to_occur() -> None:
    assert number_match("3 of 1,000 [2]", ["three of 1000"]) == Score(1.0)
    assert number_match("3 of 100", ["three of 1000"]) == Score(0.0)


def test_any_wording_of_the_expected_answer_will_do() -> None:
    assert number_match("90 minutes", ["1.5 hours", "90 min", "an hour and a half"]) == Score(1.0)


def test_without_numbers_nothing_is_measured() -> None:
    assert number_match("12", ["a dozen"]) == Score(None, NO_NUMBER)
    assert number_match("12", []) == Score(None, NO_REFERENCE)


@given(st.integers(0, 10**12))
def test_separators_of_thousands_do_not_change_a_number(number: int) -> None:
    assert numbers_in(f"{number:,}") == numbers_in(str(number)) == {str(number)}


@given(st.text(), st.text())
def test_more_words_never_take_a_match_away(answer: str, expected: str) -> None:
    match = number_match(answer, [expected])

    if match.value == 1.0:
        assert number_match(f"{answer} ; and more", [expected]) == match
