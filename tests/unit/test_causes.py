"""Which of the differences between two runs may be why a question came out otherwise."""

from typing import Any

import pytest

from rag_service.domain.causes import causes_of, possible_causes
from rag_service.domain.trends import SettingChange
from tests.evaluation_values import abstained, evidence

ELSEWHERE = [{"document_key": "menu.md", "headings": [], "text": "Lunch is served at noon."}]
SEARCH, PROMPT, VERIFIER = "dense weight", "prompt version", "verifier"


def changed(*names: str) -> list[SettingChange]:
    return [SettingChange(name=name, before="1", after="2") for name in names]


@pytest.mark.parametrize(
    ("after", "causes"),
    [
        ({"answer": "At 22:30."}, (PROMPT, VERIFIER)),
        ({"found": ELSEWHERE}, (SEARCH,)),
        ({"found": ELSEWHERE, "answer": "At noon."}, (SEARCH, PROMPT, VERIFIER)),
        ({"answerability": 0.1}, (SEARCH,)),
        ({}, (VERIFIER,)),
    ],
    ids=["another answer", "other passages", "both", "other cosines", "other scores only"],
)
def test_a_setting_is_a_cause_where_its_step_came_out_otherwise(after: dict[str, Any], causes: tuple[str, ...]) -> None:
    changes = changed(SEARCH, PROMPT, VERIFIER)

    assert causes_of(evidence(), evidence(**after), changes) == causes


def test_a_question_that_was_refused_unwritten_was_not_refused_by_the_prompt() -> None:
    refused = abstained(reason="not_answerable", found=ELSEWHERE)
    changes = changed(SEARCH, "answerability threshold", PROMPT)

    assert causes_of(evidence(), refused, changes) == ("answerability threshold",)
    assert causes_of(evidence(), refused | {"answerability": 0.1}, changes) == (SEARCH, "answerability threshold")


def test_what_takes_scores_may_be_why_of_worse_scores_whatever_else_came_out_otherwise() -> None:
    changes = changed(SEARCH, VERIFIER, "judge")

    assert causes_of(evidence(), evidence(found=ELSEWHERE), changes, by_scores=True) == (SEARCH, VERIFIER, "judge")


def test_nothing_is_known_of_a_question_that_could_not_be_asked() -> None:
    assert causes_of(evidence(), evidence(failure="The index was down.", found=[]), changed(SEARCH, PROMPT)) == ()


def test_a_setting_that_nobody_placed_may_be_why_of_anything() -> None:
    assert causes_of(evidence(), abstained(), changed("moon")) == ("moon",)


def test_another_version_with_the_same_documents_is_no_cause() -> None:
    changes = changed("version", SEARCH)

    assert [one.name for one in possible_causes(changes, same_documents=True)] == [SEARCH]
    assert [one.name for one in possible_causes(changes, same_documents=False)] == ["version", SEARCH]


def test_a_build_is_told_by_what_it_is_made_of_where_that_is_known() -> None:
    assert [one.name for one in possible_causes(changed("build", "chunker"), same_documents=False)] == ["chunker"]
    assert [one.name for one in possible_causes(changed("build"), same_documents=False)] == ["build"]


def test_other_questions_are_no_cause_as_only_the_same_ones_are_compared() -> None:
    assert possible_causes(changed("questions"), same_documents=False) == ()
