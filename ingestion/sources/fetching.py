"""Getting the content of items, one after the other, and saying why some could not be had."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from ingestion.connectors.port import Connector, Item, ItemGone
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import StoredFile
from rag_service.domain.sync import SourceChange
from rag_service.errors import InvalidRequest, SourceRefused, SourceUnavailable, TooLarge
from rag_service.reasons import ADVICE, ReasonCode
from rag_service.use_cases.store_file import StoreFile

_PURPOSE = "assistants"
_REFUSALS_IN_A_ROW = 5

GONE = "It was removed from its source while the run went on."
UNREADABLE = "The source did not give it. The next run tries again."
UNNAMED = "Its name cannot be used."


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFetched:
    """Why an item stays out. `for_good`: until it changes, trying again would end the same."""

    problem: str
    for_good: bool


class Fetching:
    """Fetches items of one opened source. After some in a row that it did not give, the source itself has failed."""

    def __init__(self, *, connector: Connector, store: StoreFile, max_bytes: int) -> None:
        self._connector = connector
        self._store = store
        self._max_bytes = max_bytes
        self._refused = 0

    async def __call__(self, scope: AccessScope, change: SourceChange) -> StoredFile | NotFetched:
        """Return the file with the item's content, whose bytes are kept and which has no row.

        Raises:
            SourceUnavailable, SourceRefused: the source gives nothing any more.
        """
        if change.size_bytes is not None and change.size_bytes > self._max_bytes:
            return NotFetched(problem=ADVICE[ReasonCode.TOO_LARGE], for_good=True)
        try:
            file = await self._fetch(scope, change)
        except ItemGone:
            return NotFetched(problem=GONE, for_good=False)
        except TooLarge:
            return NotFetched(problem=ADVICE[ReasonCode.TOO_LARGE], for_good=True)
        except InvalidRequest:
            return NotFetched(problem=UNNAMED, for_good=True)
        except (SourceUnavailable, SourceRefused):
            self._refused += 1
            if self._refused == _REFUSALS_IN_A_ROW:
                raise
            return NotFetched(problem=UNREADABLE, for_good=False)
        self._refused = 0
        return file

    async def _fetch(self, scope: AccessScope, change: SourceChange) -> StoredFile:
        content = self._connector.fetch(_item_of(change))
        try:
            return await self._store.keep(scope, filename=change.filename, purpose=_PURPOSE, content=content)
        finally:
            await _close(content)


def _item_of(change: SourceChange) -> Item:
    return Item(
        key=change.key,
        filename=change.filename,
        revision=change.revision,
        size_bytes=change.size_bytes,
        content_id=change.content_id,
    )


async def _close(content: AsyncIterator[bytes]) -> None:
    """End a fetch that was given up, with whatever it holds open."""
    close = getattr(content, "aclose", None)
    if close is not None:
        await close()
