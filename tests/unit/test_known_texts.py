"""Texts that only repeat others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.known_texts import KnownTexts

RULE = (
    "Every member of staff who leaves the building after eight in the evening signs the list at the front desk, "
    "switches off the lights of the floor and tells the guard on duty which rooms are still in use by others."
)


def taken(*texts: str) -> list[bool]:
    known = KnownTexts()
    return [known.take(text) for text in texts]


@pytest.mark.parametrize(
    "again",
    [RULE, RULE.upper(), RULE.replace(" ", "\n "), RULE.replace("floor", "storey"), RULE.partition(",")[0]],
)
def test_a_copy_or_a_part_of_a_text_repeats_it(again: str) -> None:
    assert taken(RULE, again) == [True, False]


@pytest.mark.parametrize(
    "other",
    [
        RULE.replace("eight", "8"),
        RULE.replace("are still", "are not still"),
        f"{RULE} Visitors are taken to the door by the person whom they came to see.",
        " ".join(reversed(RULE.split())),
    ],
)
def test_another_number_a_negation_or_more_text_is_something_new(other: str) -> None:
    assert taken(RULE, other) == [True, True]


def test_texts_without_spaces_repeat_each_other_by_their_characters() -> None:
    rule = "夜八時以降に建物を出る職員は、受付の名簿に署名し、階の照明を消し、まだ使われている部屋を警備員に伝える。"

    assert taken(rule, rule.replace("照明", "電気"), rule[:30], rule[::-1]) == [True, False, False, True]


def test_texts_without_words_repeat_each_other_only_when_they_are_the_same() -> None:
    assert taken("?!", "--", "?!") == [True, True, False]


@given(st.lists(st.text(max_size=30), max_size=8))
def test_what_was_taken_once_is_not_taken_again(texts: list[str]) -> None:
    known = KnownTexts()
    first = [known.take(text) for text in texts]

    assert not any(known.take(text) for text in texts)
    assert not texts or first[0]
