"""A listing that is made in threads: the walk of a folder, a commit or a store, a piece at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from ingestion.connectors.port import Item
from rag_service.errors import SourceRefused

_ITEMS_AT_ONCE = 500


async def listed(walk: Iterator[Item], *, most: int, too_many: str) -> AsyncIterator[Item]:
    """Yield what `walk` finds. More than `most` are refused: a listing that is cut off would look like deletions.

    Raises:
        SourceRefused: there are more; it says `too_many`.
    """
    count = 0
    while some := await asyncio.to_thread(_some, walk):
        count += len(some)
        if count > most:
            raise SourceRefused(too_many)
        for item in some:
            yield item


def _some(walk: Iterator[Item]) -> list[Item]:
    return list(islice(walk, _ITEMS_AT_ONCE))
