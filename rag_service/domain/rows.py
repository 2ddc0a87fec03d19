"""Rows of a JSON-lines import: each is a document of its own, known by its id."""

import json
import re
from dataclasses import dataclass

from rag_service.errors import InvalidRequest

ROW_ENDING = ".row.json"
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f/\\"]')
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A document as a line of JSON holds it."""

    id: str
    title: str
    text: str

    @property
    def filename(self) -> str:
        """The name it is stored under. Only the document key keeps an id's odd characters; a file name cannot."""
        return f"{_NOT_IN_NAMES.sub('_', self.id)[:_LONGEST_NAME]}{ROW_ENDING}"

    def content(self) -> bytes:
        """Return the bytes that are stored: equal rows have equal bytes."""
        return json.dumps({"id": self.id, "title": self.title, "text": self.text}, ensure_ascii=False).encode(
            errors="replace"
        )


def read_row(line: str | bytes, place: str) -> Row:
    """Return the row in a line {id, title, text}; other members are ignored.

    Raises:
        InvalidRequest: it is none; the message names `place`.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"{place}: not JSON ({exc}).") from exc
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or row.get("id") in (None, ""):
        raise InvalidRequest(f"{place}: a row needs an id and a text.")
    if not str(row["id"]).isprintable():
        raise InvalidRequest(f"{place}: an id has no control characters.")
    return Row(id=str(row["id"]), title=str(row.get("title") or ""), text=row["text"])
