"""Data sets on disk: corpus.jsonl, queries*.jsonl, qrels*.tsv and questions.jsonl, each perhaps gzipped."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.datasets.cases import Case, DataAbsent, Query, Text, asked
from rag_service.domain.golden import GoldQuote


def corpus_file(folder: Path) -> Path:
    """Return the file with the texts of a data set.

    Raises:
        DataAbsent: there is none.
    """
    return _only(folder, "corpus*.jsonl")


def read_texts(folder: Path) -> list[Text]:
    """Return the texts of a data set."""
    rows = _rows(corpus_file(folder))
    return [Text(id=str(row["id"]), title=str(row.get("title") or ""), text=str(row["text"])) for row in rows]


def read_queries(folder: Path, *, limit: int | None = None) -> list[Query]:
    """Return the first `limit` queries that have a relevant document, in the order of the file."""
    grades = _grades(_only(folder, "qrels*.tsv"))
    rows = _rows(_only(folder, "queries*.jsonl"))
    judged = [row for row in rows if any(grade > 0 for grade in grades.get(str(row["id"]), {}).values())]
    return [Query(id=str(row["id"]), text=str(row["text"]), grades=grades[str(row["id"])]) for row in judged[:limit]]


def read_cases(folder: Path, texts: Iterable[Text], *, limit: int | None = None) -> list[Case]:
    """Return the first `limit` questions; `texts` gives the gold documents' words."""
    by_id = {text.id: text.text for text in texts}
    rows = list(_rows(_only(folder, "questions*.jsonl")))[:limit]
    return [_case(row, by_id) for row in rows]


def read_rows(folder: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """Return the rows of the one file of a data set with such a name, perhaps gzipped.

    Raises:
        DataAbsent: there is none.
    """
    return _rows(_only(folder, pattern))


def _case(row: Mapping[str, Any], texts: Mapping[str, str]) -> Case:
    documents = [str(document) for document in row.get("doc_ids") or []] if row["answerable"] else []
    return Case(
        id=str(row["id"]),
        messages=asked(str(row["question"])),
        answerable=bool(row["answerable"]),
        answers=tuple(map(str, row.get("answers") or [])),
        quotes=tuple(GoldQuote(document_key=document, text=texts.get(document, "")) for document in documents),
    )


def _grades(path: Path) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as lines:
        for query, document, grade in csv.reader(lines, delimiter="\t"):
            if grade.lstrip("-").isdecimal():  # the first line may be a header
                grades[query][document] = int(grade)
    return grades


def _only(folder: Path, pattern: str) -> Path:
    found = sorted([*folder.glob(pattern), *folder.glob(f"{pattern}.gz")])
    if not found:
        raise DataAbsent(f"{folder / pattern} is not there; --data says where the data sets are.")
    return found[0]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if str(line).strip())
