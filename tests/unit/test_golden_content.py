"""What makes a golden question usable, and the lines it is read from and written to."""

import json
from typing import Any

import pytest

from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldQuote
from rag_service.domain.golden_content import (
    MOST_CHARS,
    MOST_ITEMS,
    GoldenContent,
    assert_asks,
    assert_complete,
    golden_row,
    read_golden_row,
)
from rag_service.errors import InvalidRequest
from rag_service.sample import golden_questions

QUOTE = GoldQuote(document_key="parking.md", text="It closes at 22:30.")


def content(*turns: str, **changes: Any) -> GoldenContent:
    roles = ["user", "assistant"]
    messages = [Message(role=roles[index % 2], content=turn) for index, turn in enumerate(turns or ("When?",))]
    return GoldenContent(messages=tuple(messages), **changes)


@pytest.mark.parametrize(
    ("unusable", "param"),
    [
        (GoldenContent(messages=()), "messages"),
        (content("When?", "At ten."), "messages"),
        (content("  \n"), "messages"),
        (content("", "Yes.", "When?"), "messages"),
        (content(answers=("",)), "answers"),
        (content(answers=("x",) * (MOST_ITEMS + 1)), "answers"),
        (content(note="x" * (MOST_CHARS + 1)), "note"),
        (content("nul \x00"), "messages"),
        (content(answers=("half \ud800",)), "answers"),
        (content(quotes=(GoldQuote(document_key="", text="x"),)), "quotes"),
        (content(answerable=False, answers=("ten",)), "answerable"),
        (content(answerable=False, quotes=(QUOTE,)), "answerable"),
    ],
)
def test_what_asks_nothing_or_cannot_be_kept_is_refused_by_name(unusable: GoldenContent, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        assert_asks(unusable)

    assert refused.value.param == param


def test_an_answerable_question_says_what_is_expected() -> None:
    with pytest.raises(InvalidRequest):
        assert_complete(content())

    for complete in (content(answers=("ten",)), content(quotes=(QUOTE,)), content(answerable=False)):
        assert_complete(complete)


@pytest.mark.parametrize(
    "written",
    [
        content(answers=("22:30", "half past ten"), quotes=(QUOTE,), note="seen on a sign"),
        content("Where do I park?", "In the yard.", "Until when?", quotes=(QUOTE, QUOTE)),
        content(answerable=False),
    ],
)
def test_what_is_written_as_a_line_is_read_again(written: GoldenContent) -> None:
    assert read_golden_row(json.dumps(golden_row(written)))[0] == written


def test_a_line_of_the_handbook_is_read() -> None:
    line = golden_questions().read_bytes().splitlines()[0]

    found, ref = read_golden_row(line)

    assert (ref, found.quotes[0].document_key) == ("handbook-01", "01-what-it-is.md")
    assert_complete(found)


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[" * 100_000,
        "[]",
        "{}",
        '{"question": 5}',
        '{"question": "When?", "answers": "ten"}',
        '{"question": "When?", "answers": [1]}',
        '{"question": "When?", "quote": "ten"}',
        '{"question": "When?", "quotes": ["ten"]}',
        '{"question": "When?", "answerable": "no"}',
        '{"question": "When?", "id": "\\u0000"}',
        '{"messages": [{"role": "robot", "content": "When?"}]}',
    ],
)
def test_a_line_that_is_no_question_is_refused(line: str) -> None:
    with pytest.raises(InvalidRequest):
        read_golden_row(line)
