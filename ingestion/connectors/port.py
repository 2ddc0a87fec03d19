"""What a connector is. docs/connectors.md shows a short one; tests/contract/test_connectors.py says what all of them keep."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One document of a source, as cheaply as the source can tell of it.

    `key` names it in its source for as long as it stays where it is: a relative path, or an address. `revision` changes
    whenever the content may have changed, and is compared with nothing but itself. `content_id`, where the source knows
    one, is the same for the same bytes at another place, and for no other bytes: so a rename is recognised.
    """

    key: str
    filename: str
    revision: str
    size_bytes: int | None = None
    content_id: str | None = None


class ItemGone(Exception):
    """An item was removed from its source between the listing and the fetch."""


class Connector(Protocol):
    """Reads one source, once: it is opened for a run and closed at its end.

    Raises, from every method:
        SourceUnavailable: the source cannot be reached now; the run is repeated later.
        SourceRefused: it is not there, or lets nobody in with these credentials; a person has to mend the source.
    """

    def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        """Yield what the source holds now, every key once, in any order.

        `known` are the revisions by key of the last run that was applied: a source that has to ask for each item may
        ask whether that one still holds. The listing either ends with everything seen or raises: half a listing would
        look like deletions.
        """

    def fetch(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the content of an item that `items` yielded.

        Raises:
            ItemGone: it has been removed since it was listed.
            TooLarge: it is larger than a document may be.
        """


OpensConnector = AbstractAsyncContextManager[Connector]
