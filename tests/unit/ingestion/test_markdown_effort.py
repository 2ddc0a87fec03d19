"""Markdown: what is slow elsewhere costs little here, what is deep is read, and nothing else is read otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.markdown_effort import markdown_parser
from tests.unit.ingestion.parsing_values import read
from tests.unit.ingestion.work import calls_in

MARKS = st.sampled_from(
    [*"[ ] ( ) ]( ![ a [a] * _ ` < > <b> ~~ \\ <!-- &amp;".split(), " ", "- ", "> ", "\n", "\n\n", "\n\n[a]: b\n\n"]
)
MOST_CALLS_PER_CHARACTER = 40
COUNT = 500


def work_of(text: str) -> int:
    return calls_in(lambda: markdown_parser().parse(text))


@given(marks=st.lists(MARKS, max_size=60))
def test_marks_mean_what_they_mean_to_the_library(marks: list[str]) -> None:
    plain = MarkdownIt("commonmark").enable(["table", "strikethrough"])

    tokens = markdown_parser().parse("".join(marks))

    assert tokens == plain.parse("".join(marks))


@pytest.mark.parametrize("piece", ["[", "![", "[a ", "[a][b", "a <![CDATA["])
def test_brackets_that_are_never_closed_cost_as_little_as_other_text(piece: str) -> None:
    text = piece * COUNT

    assert work_of(text) < MOST_CALLS_PER_CHARACTER * len(text)


@pytest.mark.parametrize("piece", ["[", "![", "[a](", "![a](", "[a][b"])
def test_twice_as_many_brackets_are_twice_the_work(piece: str) -> None:
    once, twice = (work_of(piece * count + "](c)") for count in (COUNT, 2 * COUNT))

    assert twice < 2.2 * once


@pytest.mark.parametrize(
    "text",
    [
        "\n".join("  " * depth + f"- w{depth}" for depth in range(60)),
        "\n".join("> " * depth + f"w{depth}\n" + "> " * depth for depth in range(60)),
        "\n".join("> " * depth + f"- w{depth}" for depth in range(60)),
    ],
    ids=["lists", "quotes", "both"],
)
def test_no_word_of_a_deep_list_or_quote_is_lost(text: str) -> None:
    found = read(text.encode(), "a.md", ParsingLimits())

    assert [word for word in found.text.split() if word.startswith("w")] == [f"w{depth}" for depth in range(60)]
