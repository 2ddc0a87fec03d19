"""Questions that ask the same in almost the same words."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.answers import Message
from rag_service.domain.golden_content import GoldenContent
from rag_service.domain.golden_duplicates import RESEMBLANCE, KnownQuestions

LONG = "how may a guest of the old hotel by the lake pay for breakfast on the terrace in the early morning"
WORDS = st.lists(st.sampled_from([f"w{chr(97 + index)}" for index in range(24)]), min_size=1, max_size=24, unique=True)


def asked(*turns: str) -> tuple[Message, ...]:
    return tuple(Message(role="user", content=turn) for turn in turns)


def are_duplicates(one: Sequence[Message], other: Sequence[Message]) -> bool:
    return KnownQuestions([GoldenContent(messages=tuple(other))]).like(one) is not None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("When does it close?", "when does it CLOSE", True),
        ("When does it close?", "When does it open?", False),
        (LONG, f"{LONG} please", True),
        ("Which of the ten rules holds in 2023 for all of the guests here", "2024", False),
        ("???", "???", True),
        ("???", "!!!", False),
    ],
)
def test_case_and_signs_make_no_difference_but_words_do(one: str, other: str, same: bool) -> None:
    other = one.replace("2023", other) if other.isdigit() else other

    assert are_duplicates(asked(one), asked(other)) is same


def test_another_number_is_another_question_however_long_it_is() -> None:
    assert not are_duplicates(asked(f"{LONG} in 2023"), asked(f"{LONG} in 2024"))


def test_the_same_words_after_other_turns_are_another_question() -> None:
    assert not are_duplicates(
        asked("Where is the bus?", "And on Sunday?"), asked("Where is the tram?", "And on Sunday?")
    )
    assert are_duplicates(asked("Where is the bus?", "And on Sunday?"), asked("where is the bus", "and on sunday"))


@given(WORDS, st.lists(WORDS, max_size=6))
def test_looking_up_finds_what_comparing_each_finds(one: Sequence[str], others: Sequence[Sequence[str]]) -> None:
    known = [GoldenContent(messages=asked(" ".join(other))) for other in others]

    found = KnownQuestions(known).like(asked(" ".join(one)))

    same = [question for question, other in zip(known, others, strict=True) if resembles(set(one), set(other))]
    assert found in same if same else found is None


def resembles(one: set[str], other: set[str]) -> bool:
    return len(one & other) >= RESEMBLANCE * len(one | other)
