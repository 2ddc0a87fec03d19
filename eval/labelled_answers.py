"""Answers of a corpus that its people labelled: the lines of an exported run with a label added, or lines of their own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.label_sets import SUPPORTED, UNSUPPORTED, LabelledItem
from eval.metrics.text import without_marks
from rag_service.errors import InvalidRequest


def read_labelled_answers(path: Path) -> list[LabelledItem]:
    """Return the labelled answers of a file of JSON lines; lines without a label are passed over.

    A line is one that `rag eval export` wrote, or {id, question, response, context}; `label` says whether everything in
    the answer is in its context.

    Raises:
        InvalidRequest: the file cannot be read, a line is no JSON or lacks something, or nothing is labelled.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{path} cannot be read: {exc}") from exc
    items = [item for number, line in enumerate(lines, start=1) if (item := _item(path, number, line)) is not None]
    if not items:
        raise InvalidRequest(f'{path} has no labels; add "label": "supported" or "not_supported" to its lines.')
    return items


def _item(path: Path, number: int, line: str) -> LabelledItem | None:
    try:
        row = json.loads(line) if line.strip() else {}
        label = row.get("label")
        if label is None:
            return None
        if label not in SUPPORTED | UNSUPPORTED:
            raise InvalidRequest(f"{path}, line {number}: the label {label!r} is neither supported nor not_supported.")
        return LabelledItem(id=str(row.get("id", number)), supported=label in SUPPORTED, **_seen(row))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise InvalidRequest(f"{path}, line {number} is no labelled answer: {type(exc).__name__} {exc}") from exc


def _seen(row: Mapping[str, Any]) -> dict[str, Any]:
    exported = row.get("evidence")
    if exported is None:
        return {name: str(row[name]) for name in ("question", "response", "context")}
    return {
        "question": exported["question"],
        "response": without_marks(exported["answer"]),
        "context": "\n\n".join(passage["text"] for passage in exported["found"]),
        "found": tuple((passage["text"], tuple(passage["headings"])) for passage in exported["found"]),
    }
