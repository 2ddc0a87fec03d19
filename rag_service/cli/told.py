"""What several commands tell in the same words."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag_service.client import Json


def moment(seconds: int) -> str:
    """Return a moment of a reply."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%MZ}"


def differing_documents(difference: "Json") -> Iterator[str]:
    """Yield the documents that two versions do not share: + added, - removed, ~ changed."""
    for sign, name in (("+", "added"), ("-", "removed"), ("~", "changed")):
        yield from (f"{sign} {document['document_key']}" for document in difference[name])
