"""Answers that people labelled, as they come out of a file."""

import json
from pathlib import Path

import pytest

from eval.labelled_answers import read_labelled_answers
from rag_service.errors import InvalidRequest
from tests.evaluation_values import evidence

EXPORTED = {"object": "evaluation.result", "id": "gold_1", "scores": {}, "missing": {}, "evidence": evidence()}
OWN = {"question": "When?", "response": "At noon.", "context": "It closes at noon.", "label": "not_supported"}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_lines_of_an_exported_run_are_read_where_they_are_labelled(tmp_path: Path) -> None:
    run = {"object": "evaluation.run", "id": "eval_1"}

    [item] = read_labelled_answers(written(tmp_path, run, EXPORTED, EXPORTED | {"label": "supported"}))

    assert (item.id, item.question, item.supported) == ("gold_1", "When does the car park close?", True)
    assert item.response == "The car park closes at 22:30."
    assert item.passages == (("The car park closes at 22:30 every day.", ("Parking",)),)


def test_lines_of_ones_own_are_read_too(tmp_path: Path) -> None:
    [item] = read_labelled_answers(written(tmp_path, OWN))

    assert (item.id, item.response, item.supported) == ("1", "At noon.", False)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([EXPORTED], "has no labels"),
        ([OWN | {"label": "perhaps"}], "line 1: the label 'perhaps' is neither"),
        ([OWN, {"label": "supported"}], "line 2 is no labelled answer"),
        ([[]], "line 1 is no labelled answer"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(tmp_path: Path, rows: list[object], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        read_labelled_answers(written(tmp_path, *rows))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_labelled_answers(tmp_path / "labels.jsonl")
