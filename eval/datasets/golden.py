"""Golden questions: those that ship with the sample corpus, and those of any corpus."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from eval.datasets.cases import Case, DataAbsent, asked
from rag_service.domain.golden import GoldenQuestion, GoldQuote


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
    document, quote = row.get("document"), row.get("quote")
    return Case(
        id=str(row["id"]),
        messages=asked(str(row["question"])),
        answerable=bool(row["answerable"]),
        answers=tuple(map(str, row.get("answers") or [])),
        quotes=(GoldQuote(document_key=str(document), text=str(quote or "")),) if document else (),
    )


def cases_of(questions: Sequence[GoldenQuestion]) -> list[Case]:
    """Return the golden questions of a corpus as cases, under their own ids."""
    return [
        Case(
            id=question.id,
            messages=question.messages,
            answerable=question.answerable,
            answers=question.answers,
            quotes=question.quotes,
        )
        for question in questions
    ]
