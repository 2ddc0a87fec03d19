"""Putting the message together."""

import pytest

from rag_service.domain.spans import Span
from rag_service.ports.unit_checker import CheckedUnit, Support, Verdict
from rag_service.use_cases.answer_text import AnswerText
from tests.unit.answer_values import PASSAGES

SUPPORT = Support(passage=PASSAGES[0], quote=Span(0, 11), score=0.9)


def supported(text: str, *supports: Support) -> CheckedUnit:
    return CheckedUnit(text=text, verdict=Verdict.SUPPORTED, supports=supports or (SUPPORT,))


def dropped(text: str) -> CheckedUnit:
    return CheckedUnit(text=text, verdict=Verdict.DROPPED)


def layout(text: str) -> CheckedUnit:
    return CheckedUnit(text=text, verdict=Verdict.LAYOUT)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ([supported("One. "), supported("Two.\n")], "One. [1] Two. [1]"),
        ([supported("One."), supported("二。")], "One. [1]二。 [1]"),
        ([dropped("Zero.\n\n"), supported("One.")], "One. [1]"),
        ([supported("One. "), dropped("Bad.\n\n"), supported("Two.")], "One. [1]\n\nTwo. [1]"),
        ([supported("- a\n"), supported("  - b\n")], "- a [1]\n  - b [1]"),
        ([supported("| a |\n"), layout("|---|\n"), supported("| b |")], "| a [1] |\n|---|\n| b [1] |"),
        ([layout("---\n"), supported("One.")], "One. [1]"),
        ([supported("```\nx\n```\n"), supported("One.")], "```\nx\n```\n[1]\nOne. [1]"),
    ],
)
def test_units_marks_and_white_space_come_together(units: list[CheckedUnit], message: str) -> None:
    text = AnswerText()
    emitted = [sent.text for unit in units if (sent := text.add(unit))]

    assert text.text == "".join(emitted) == message


def test_a_citation_covers_the_unit_without_its_mark() -> None:
    text = AnswerText()
    text.add(supported("One. "))
    text.add(supported("  Two is here. "))

    second = text.citations[1]

    assert text.text[second.start : second.end] == "Two is here."


def test_two_quotes_of_one_passage_show_one_mark() -> None:
    text = AnswerText()
    text.add(supported("One.", SUPPORT, SUPPORT))

    assert (text.text, len(text.citations)) == ("One. [1]", 2)


def test_what_is_dropped_is_counted() -> None:
    text = AnswerText()
    text.add(dropped("Bad."))
    text.add(layout("---"))

    assert text.dropped == 1
