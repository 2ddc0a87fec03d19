"""`rag corpus gaps` against a small service with canned replies."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.canned_service import CannedService, rag, running

PATH = "/v1/corpora/handbook/gaps"
GAP = {
    "words": ["refund", "fees"],
    "medoid": {"question": "How are fees refunded?"},
    "questions": 3,
    "abstained": 2,
    "partial": 0,
    "disliked": 1,
    "people": 2,
    "is_golden": False,
}
FOUND: dict[str, Any] = {
    "gaps": [GAP, GAP | {"words": ["parking"], "is_golden": True}],
    "questions": 7,
    "truncated": False,
    "alone": {"questions": 1},
}


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        server.replies["GET", PATH] = [(200, FOUND)]
        yield server


def test_gaps_are_told_by_words_medoid_and_counts(service: CannedService) -> None:
    result = rag(service, "corpus", "gaps", "handbook", "--limit", "1")

    assert result.output == (
        "refund · fees\n  “How are fees refunded?”\n  3 questions, 2 people, 2 abstained, 1 disliked\n"
        "7 open questions, 2 gaps; 1 are like no other.\n"
    )


def test_what_is_a_golden_question_already_says_so(service: CannedService) -> None:
    assert rag(service, "corpus", "gaps", "handbook").output.count("is a golden question") == 1


def test_the_window_is_sent_and_questions_left_out_are_told(service: CannedService) -> None:
    service.replies["GET", PATH] = [(200, FOUND | {"truncated": True})]

    result = rag(service, "corpus", "gaps", "handbook", "--days", "7")

    assert [path for _, path, _ in service.asked] == [f"{PATH}?days=7"]
    assert "Older questions of this time were left out." in result.output


def test_machines_get_all_of_it(service: CannedService) -> None:
    assert json.loads(rag(service, "corpus", "gaps", "handbook", "--json").output) == FOUND
