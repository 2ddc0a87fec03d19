"""Sentences and pieces of text: what LlamaIndex and NLTK would cut, without loading them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.chunking.packing import IndivisibleError, packed
from ingestion.chunking.sentences import sentences

MARKS = st.sampled_from(
    [*"Mr J. Dr. 3. 12.5 a B end. why? No! ... .. e.g. (ok.) \"Yes.\" “Da.” É. ж. 。 はい。 , ; : ?! -- * [1]. U.S.A. ' )".split(),
     " ", "  ", "\n", "\n\n", "\t", "\u00a0", "\x1c", ". . ."]
)  # fmt: skip


def count_words(text: str) -> int:
    return len(re.findall(r"\w{1,4}|[^\w\s]", text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there.", ["One is here. ", "Two is there."]),
        ("He said “Go.” Then he left.", ["He said “Go.” ", "Then he left."]),
        ("(It is so.) Why? Because!", ["(It is so.) ", "Why? ", "Because!"]),
        (
            "J. Bach wrote it. See no. 3. or page 12. below.",
            ["J. Bach wrote it. ", "See no. ", "3. or page 12. below."],
        ),
        ("Wait... there is more", ["Wait... there is more"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_a_sentence_ends_where_a_mark_ends_it(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_pieces_are_filled_with_whole_sentences() -> None:
    text = "One two six. Six ten one. Two six ten."

    assert packed(text, budget=8, overlap=0, count_tokens=count_words) == ["One two six. Six ten one.", "Two six ten."]


def test_a_piece_begins_with_the_end_of_the_one_before() -> None:
    text = "One two. Six ten. Two six. Ten one."

    assert packed(text, budget=6, overlap=3, count_tokens=count_words) == [
        "One two. Six ten.", "Six ten. Two six.", "Two six. Ten one.",
    ]  # fmt: skip


def test_a_character_over_the_budget_cannot_be_packed() -> None:
    with pytest.raises(IndivisibleError):
        packed("ab", budget=1, overlap=0, count_tokens=lambda text: 2 * len(text))


@pytest.mark.slow
@settings(max_examples=1000)
@given(marks=st.lists(MARKS, min_size=1, max_size=60), glue=st.sampled_from(["", " "]))
def test_sentences_are_those_of_punkt(marks: list[str], glue: str) -> None:
    from llama_index.core.node_parser.text.utils import split_by_sentence_tokenizer

    text = glue.join(marks)

    assert sentences(text) == split_by_sentence_tokenizer()(text)


@pytest.mark.slow
@settings(max_examples=1000)
@given(marks=st.lists(MARKS, min_size=1, max_size=60), budget=st.integers(4, 30), overlap=st.integers(0, 15))
def test_pieces_are_those_of_the_sentence_splitter(marks: list[str], budget: int, overlap: int) -> None:
    from llama_index.core.node_parser import SentenceSplitter

    text, overlap = " ".join(marks), min(overlap, budget // 2)
    splitter = SentenceSplitter(
        chunk_size=budget,
        chunk_overlap=overlap,
        tokenizer=lambda piece: range(count_words(piece)),
        paragraph_separator="\n\n",
    )

    assert packed(text, budget=budget, overlap=overlap, count_tokens=count_words) == splitter.split_text(text)
