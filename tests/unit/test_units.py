"""Units of a stream of generated text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.domain.units import UnitSplitter

TEXTS = st.lists(
    st.sampled_from(
        ["One", " two", ". ", ".", "! ", "\n", "\n\n", "[1]", " [2][3]", " [1, 2]", "1. ", "- ", "| a | b |", "```\n",
         "U.S.", " The", "Dr. ", "。", "” ", "  ", "[", "]", "5", "x ''", " ''", "#", "👩🏽"]
    ),
    max_size=25,
).map("".join)  # fmt: skip


def units(*fragments: str) -> list[str]:
    splitter = UnitSplitter()
    found = [unit for fragment in fragments for unit in splitter.feed(fragment)]
    return [*found, *splitter.finish()]


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.lists(st.integers(0, 80), max_size=8))
def test_the_cut_of_the_stream_changes_nothing(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    fragments = [text[a:b] for a, b in pairwise(edges)]

    assert units(*fragments) == units(text) == units(*text)
    assert "".join(units(*fragments)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris is big. [1] So is Rome [2].", ["Paris is big. [1] ", "So is Rome [2]."]),
        ("Big.[1][2] Rome.", ["Big.[1][2] ", "Rome."]),
        ("Steps:\n1. Open it. Wait. [1]\n2. Close it.\n", ["Steps:\n", "1. Open it. Wait. [1]\n", "2. Close it.\n"]),
        ("| a |\n|---|\n| 1. B |\n\nEnd.", ["| a |\n", "|---|\n", "| 1. B |\n\n", "End."]),
        ("```py\na = 1. \nB\n```\nThen. Go", ["```py\na = 1. \nB\n```\n", "Then. ", "Go"]),
        ("```\nnever closed. A", ["```\nnever closed. A"]),
    ],
)
def test_sentences_items_rows_and_code_are_units(text: str, expected: list[str]) -> None:
    assert units(text) == expected


def test_a_sentence_leaves_as_soon_as_the_next_one_begins() -> None:
    splitter = UnitSplitter()

    assert list(splitter.feed("It is 3.5 km. ")) == []
    assert list(splitter.feed("N")) == ["It is 3.5 km. "]


def test_a_mark_that_is_still_arriving_is_waited_for() -> None:
    splitter = UnitSplitter()

    assert [*splitter.feed("It is so. [1"), *splitter.feed("] ")] == []
    assert list(splitter.feed("Next")) == ["It is so. [1] "]
