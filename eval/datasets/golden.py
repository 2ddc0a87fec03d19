"""The golden questions of the sample corpus, which ship with the product."""

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from eval.datasets.cases import Case, DataAbsent


def read_golden(*, limit: int | None = None) -> list[Case]:
    """Return the first `limit` golden questions of the handbook.

    Raises:
        DataAbsent: this installation carries none.
    """
    file = resources.files("rag_service.sample").joinpath("golden.jsonl")
    if not file.is_file():
        raise DataAbsent("The sample corpus has no golden questions in this installation.")
    lines = file.read_text(encoding="utf-8").splitlines()
    return [golden_case(json.loads(line)) for line in lines if line.strip()][:limit]


def golden_case(row: Mapping[str, Any]) -> Case:
    """Return a row {id, question, answers, quote, document, answerable} as a case."""
    return Case(
        id=str(row["id"]),
        question=str(row["question"]),
        answerable=bool(row["answerable"]),
        answers=tuple(map(str, row.get("answers") or [])),
        documents=frozenset([str(row["document"])] if row.get("document") else []),
        quotes=tuple([str(row["quote"])] if row.get("quote") else []),
        # No contexts: a sentence compared with a whole passage, character by character, always looks wrong.
    )
