"""Rows that bring their vector along: which text of a row a vector stands for, and which vectors can be used."""

import json
import math
import re
import unicodedata
from dataclasses import dataclass

from rag_service.domain.rows import Row, read_row
from rag_service.errors import InvalidRequest

_SHORTEST, _LONGEST = 1e-3, 1e15
_SPACES = re.compile(r"[\t ]+")
_BLANK_ENDS = re.compile(r" *\n *")
# Printable for Python, and yet left out of canonical texts, or kept in some places only.
_CARE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenVector:
    """A row, the vector of its title and text, and which model made it, if the row says so. `place` is for messages."""

    row: Row
    vector: tuple[float, ...]
    embedder: str | None
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedVectors:
    """What vectors have to be to be used: of these dimensions, and of this model, by its name or its fingerprint."""

    dimensions: int
    model: str
    embedder: str


def read_given(line: str | bytes, place: str) -> GivenVector:
    """Return the row and the vector in a line {id, title, text, vector, embedder}.

    Raises:
        InvalidRequest: it is none, or the vector is no list of numbers; the message names `place`.
    """
    row = read_row(line, place)
    values = json.loads(line)
    vector, embedder = values.get("vector"), values.get("embedder")
    if not isinstance(vector, list) or not all(type(number) in (int, float) for number in vector):
        raise InvalidRequest(f"{place}: a row to import needs a vector, a list of numbers.")
    if embedder is not None and not isinstance(embedder, str):
        raise InvalidRequest(f"{place}: the embedder is the name of a model.")
    return GivenVector(row=row, vector=tuple(map(float, vector)), embedder=embedder, place=place)


def check_given(given: GivenVector, wanted: WantedVectors) -> None:
    """Refuse a vector that cannot be used.

    Raises:
        InvalidRequest: it is of another model or other dimensions, zero, or holds a value that is not finite.
    """
    if len(given.vector) != wanted.dimensions:
        raise InvalidRequest(
            f"{given.place}: the vector has {len(given.vector)} dimensions, wanted are {wanted.dimensions}."
        )
    if given.embedder not in (None, wanted.model, wanted.embedder):
        raise InvalidRequest(
            f"{given.place}: the vector is of {given.embedder}, the service embeds with {wanted.model}."
        )
    if not all(map(math.isfinite, given.vector)):
        raise InvalidRequest(f"{given.place}: the vector holds a value that is not finite.")
    if not _SHORTEST <= math.hypot(*given.vector) <= _LONGEST:
        raise InvalidRequest(
            f"{given.place}: the vector has no direction: its length is {math.hypot(*given.vector):.3g}."
        )


def text_of_row(row: Row) -> tuple[tuple[str, ...], str] | None:
    """Return headings and text of the chunk that a row becomes if it is short enough.

    None for a row without text, and for one with characters of which only its reading can say what becomes of them.
    """
    if not (_is_plain(row.title) and _is_plain(row.text)):
        return None
    paragraphs = [_flow(paragraph) for paragraph in row.text.replace("\r\n", "\n").split("\n\n")]
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    title = _flow(row.title).replace("\n", " ")
    return ((title,) if title else (), text) if text else None


def _is_plain(text: str) -> bool:
    shown = text.replace("\r\n", "\n").translate({ord("\n"): " ", ord("\t"): " "})
    return shown.isprintable() and not _CARE.search(shown) and unicodedata.is_normalized("NFC", text)


def _flow(text: str) -> str:
    return _BLANK_ENDS.sub("\n", _SPACES.sub(" ", text)).strip()
