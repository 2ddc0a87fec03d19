"""Sentences and their spans."""

from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.domain.sentences import sentence_spans

TEXTS = st.text(st.sampled_from(list("aB1 .!?\n'\")[]。！？।؟กา\u0301\u200d👩🏽-|#*:")), max_size=60)


def split(text: str) -> list[str]:
    return [span.of(text) for span in sentence_spans(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Jane A. Smith met Mr. Jones.",
        "It costs 3.5 million, i.e. A lot.",
        "See Fig. 3 and Vol. 2 of No. 7.",
        "Version v2.1 runs at example.com today.",
        "He said e.g. nothing, approx. 3 times.",
        "The U.S. Army came at 5 p.m. Tuesday.",
    ],
)
def test_abbreviations_initials_and_decimals_end_no_sentence(text: str) -> None:
    assert split(text) == [text]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He lives in the U.S. The rest stayed.", ["He lives in the U.S.", "The rest stayed."]),
        ("“Stop!” She did. Why?", ["“Stop!”", "She did.", "Why?"]),
        ("He said ( twice ) . `` Hi . '' Then left .", ["He said ( twice ) .", "`` Hi . ''", "Then left ."]),
        ("- One item\n- Another. Item\n\nEnd", ["- One item", "- Another.", "Item", "End"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", ["| a | b |", "|---|---|", "| 1 | 2 |"]),
        (
            "green tea | 3\nblack tea | 4 | in stock at the warehouse beyond the river\nmilk",
            [
                "green tea | 3",
                "black tea | 4 | in stock at the warehouse beyond the river",
                "milk",
            ],
        ),
        ("这是一句。这是“二”！第三句？", ["这是一句。", "这是“二”！", "第三句？"]),
        ("هل هذا صحيح؟ نعم. ثم", ["هل هذا صحيح؟", "نعم.", "ثم"]),
        ("यह एक है। वह दो है।", ["यह एक है।", "वह दो है।"]),
    ],
)
def test_sentences_of_many_kinds_are_told_apart(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


def test_a_wrapped_line_goes_on() -> None:
    text = "This line is long enough that somebody must have wrapped it here\nbefore it was over. Next."

    assert split(text) == [text[: text.index(" Next")], "Next."]


def test_long_thai_text_is_cut_at_spaces() -> None:
    text = "ก" * 70 + " " + "ข" * 30

    assert split(text) == ["ก" * 70, "ข" * 30]


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_every_visible_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = sentence_spans(text)

    assert all(first.end <= second.start for first, second in pairwise(spans))
    assert "".join("".join(span.of(text).split()) for span in spans) == "".join(text.split())


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_no_sentence_cuts_a_character_cluster(text: str) -> None:
    edges = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}

    assert all(span.start in edges and span.end in edges for span in sentence_spans(text))
