"""Searches of users that are asked of a second engine as well, after they have been answered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from rag_service.domain.overlaps import overlap_at
from rag_service.errors import RagError
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import Candidate

_AT_ONCE = 2
_EACH = 10
"""One search of so many is asked twice."""

_HITS = 10

_log = structlog.get_logger()

Ask = Callable[[], Awaitable[Sequence[Candidate]]]


class ComparedSearches:
    """Takes a sample, two at a time: what comes while these are under way is left out, and nobody waits for any."""

    def __init__(self, catalog: Catalog, *, each: int = _EACH) -> None:
        self._catalog = catalog
        self._each = each
        self._seen = 0
        self._under_way: set[asyncio.Task[None]] = set()

    def offer(self, found: Sequence[Candidate], ask: Ask) -> None:
        """Perhaps ask the other engine in the background, and count how far what it finds agrees with `found`."""
        self._seen += 1
        if self._seen % self._each or len(self._under_way) >= _AT_ONCE:
            return
        task = asyncio.create_task(self._compare(found, ask))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def aclose(self) -> None:
        """End what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _compare(self, found: Sequence[Candidate], ask: Ask) -> None:
        try:
            overlap = overlap_at(_HITS, found, await ask())
            async with self._catalog.writing() as tx:
                await tx.index_routes.note_compared(1, overlap=overlap)
        except RagError as exc:
            _log.warning("search_not_compared", reason=str(exc))
