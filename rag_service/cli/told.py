"""What several commands tell in the same words."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag_service.client import Json

_LEAST_WITH_THREE_DIGITS = 0.001


def moment(seconds: int) -> str:
    """Return a moment of a reply."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%MZ}"


def number(value: float | None, *, sign: str = "") -> str:
    """Return a figure; a missing one is a dash. `sign` is "+" to write that of positive ones too."""
    if value is None:
        return "-"
    # The cost of an answer is often less than a thousandth.
    return f"{value:{sign}.2g}" if 0 < abs(value) < _LEAST_WITH_THREE_DIGITS else f"{value:{sign}.3f}"


def differing_documents(difference: "Json") -> Iterator[str]:
    """Yield the documents that two versions do not share: + added, - removed, ~ changed."""
    for sign, name in (("+", "added"), ("-", "removed"), ("~", "changed")):
        yield from (f"{sign} {document['document_key']}" for document in difference[name])
