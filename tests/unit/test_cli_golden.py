"""`rag golden …` against a small service with canned replies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rag_service.cli import main
from tests.unit.canned_service import CannedService, rag, running

GOLDEN = "/v1/corpora/handbook/golden"
COUNTS = {"accepted": 2, "proposed": 1, "rejected": 0, "gate": "weak", "note": "The gate is weak."}


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        server.replies["GET", f"{GOLDEN}/counts"] = [(200, COUNTS)]
        yield server


def question(name: str = "one", **changes: Any) -> dict[str, Any]:
    asked = f"What is {name}?"
    made = {"id": f"gold_{name}", "state": "proposed", "question": asked, "answerable": True, "answers": ["a thing"]}
    turns = [{"role": "user", "content": asked}]
    quotes = [{"document_key": "a.md", "text": f"{name} is a thing."}]
    return {**made, "messages": turns, "quotes": quotes, "note": "", **changes}


def listing(*questions: dict[str, Any]) -> list[tuple[int, Any]]:
    return [(200, {"data": list(questions), "has_more": False})]


def golden(service: CannedService, *arguments: str) -> Result:
    return rag(service, "golden", *arguments, "--corpus", "handbook")


def sent(service: CannedService, action: str = "") -> list[dict[str, Any]]:
    return [body for method, path, body in service.asked if (method, path) == ("POST", f"{GOLDEN}{action}")]


def test_the_list_says_how_many_count_and_that_the_gate_is_weak(service: CannedService) -> None:
    service.replies["GET", GOLDEN] = listing(question())

    result = golden(service, "list")

    assert result.output == (
        "gold_one  proposed  What is one?\n\n2 accepted, 1 to review, 0 rejected. The gate is weak.\n"
    )


def test_the_list_for_machines_holds_the_counts_too(service: CannedService) -> None:
    service.replies["GET", GOLDEN] = listing(question())

    assert json.loads(golden(service, "list", "--json").output) == {"counts": COUNTS, "data": [question()]}


def test_a_question_is_added_with_answers_and_a_quote(service: CannedService) -> None:
    service.replies["POST", GOLDEN] = [(200, question())]

    result = golden(
        service, "add", "When?", "--answer", "at ten", "--answer", "10", "--quote", "At ten.", "--document", "a.md"
    )

    assert (result.exit_code, result.output) == (0, "gold_one is added.\n")
    assert sent(service) == [
        {
            "question": "When?",
            "answers": ["at ten", "10"],
            "quotes": [{"document_key": "a.md", "text": "At ten."}],
            "note": "",
            "answerable": True,
        }
    ]


def test_a_question_is_proposed_from_an_answer(service: CannedService) -> None:
    service.replies["POST", f"{GOLDEN}/from-answer"] = [(200, question())]

    assert golden(service, "add", "--from-answer", "ans_1").output == "gold_one waits for review.\n"
    assert sent(service, "/from-answer") == [{"answer_id": "ans_1"}]


@pytest.mark.parametrize("arguments", [[], ["When?", "--from-answer", "ans_1"], ["When?", "--quote", "At ten."]])
def test_half_a_question_is_not_understood(service: CannedService, arguments: list[str]) -> None:
    assert golden(service, "add", *arguments).exit_code == 2


def test_lines_that_cannot_be_used_are_named_and_told_by_the_exit_code(service: CannedService, tmp_path: Path) -> None:
    refused = {"added": 1, "duplicates": 2, "refused": [{"line": 3, "message": "not JSON."}]}
    service.replies["POST", f"{GOLDEN}/import"] = [(200, refused), (200, refused | {"refused": []})]
    path = tmp_path / "golden.jsonl"
    path.write_text("{}")

    first, second = golden(service, "import", str(path), "--proposed"), golden(service, "import", str(path))

    assert (first.exit_code, first.output) == (4, "line 3: not JSON.\n1 added, 2 there already, 1 refused.\n")
    assert second.exit_code == 0
    assert [path.partition("?")[2] for _, path, _ in service.asked] == ["state=proposed", "state=accepted"]


def test_a_file_that_is_not_there_is_told_in_words(service: CannedService, tmp_path: Path) -> None:
    result = golden(service, "import", str(tmp_path / "absent.jsonl"))

    assert (result.exit_code, "cannot be read" in result.output) == (1, True)


def test_the_export_is_printed_as_it_comes(service: CannedService) -> None:
    lines = '{"question": "Où?"}\n{"question": "When?"}\n'
    service.replies["GET", f"{GOLDEN}/export"] = [(200, lines)]

    assert golden(service, "export", "--state", "accepted").output == lines
    assert service.asked[0][1].endswith("?state=accepted")


def test_questions_are_reviewed_by_id(service: CannedService) -> None:
    service.replies["POST", f"{GOLDEN}/review"] = listing()

    result = golden(service, "review", "--accept", "gold_1", "--accept", "gold_2", "--reject", "gold_3")

    assert result.output == "2 accepted, 1 rejected.\n"
    assert sent(service, "/review") == [{"accept": ["gold_1", "gold_2"], "reject": ["gold_3"]}]


def test_without_ids_each_proposal_is_asked_about(service: CannedService) -> None:
    service.replies["GET", GOLDEN] = listing(*(question(name) for name in ("one", "two", "three", "four", "five")))
    refusal = {"error": {"message": "An answerable question needs an answer or a quote."}}
    service.replies["POST", f"{GOLDEN}/review"] = [(400, refusal), *listing(), *listing()]
    where = ["--url", service.url, "--key", "k"]

    result = CliRunner().invoke(main, ["golden", "review", "--corpus", "handbook", *where], input="a\nr\ns\na\nq\n")

    assert (result.exit_code, "Not done: An answerable question needs" in result.output) == (0, True)
    assert "  a.md: “one is a thing.”" in result.output
    assert sent(service, "/review") == [
        {"accept": ["gold_one"], "reject": []},
        {"accept": [], "reject": ["gold_two"]},
        {"accept": ["gold_four"], "reject": []},
    ]


def test_made_questions_lead_to_their_review(service: CannedService) -> None:
    service.replies["POST", f"{GOLDEN}/synthesise"] = [(200, {"added": 7, "duplicates": 1, "refused": []})]

    result = golden(service, "synthesise", "--limit", "8", "--seed", "4")

    assert result.output.startswith("7 added, 1 there already")
    assert sent(service, "/synthesise") == [{"limit": 8, "seed": 4}]
