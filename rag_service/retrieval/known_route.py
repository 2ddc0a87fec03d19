"""The route as a process knows it: read from the catalog at most once a second."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rag_service.domain.index_route import ROUTE_AGE_S, IndexRoute, RouteState
from rag_service.ports.catalog import Catalog


class KnownRoute:
    """Reads the route when what is known of it is older than `ROUTE_AGE_S`; `default` serves where no row says so."""

    def __init__(self, *, catalog: Catalog, default: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._catalog = catalog
        self._unmoved = IndexRoute(
            serving=default, following=None, state=RouteState.STEADY, since=datetime.fromtimestamp(0, UTC)
        )
        self._monotonic = monotonic
        self._known: IndexRoute | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def __call__(self) -> IndexRoute:
        """Return the route.

        Raises:
            CatalogUnavailable: it is too old and cannot be read: whoever went on with it might write to one engine only.
        """
        if self._known is not None and self._is_fresh():
            return self._known
        async with self._reading:
            if self._known is None or not self._is_fresh():
                # Counted from before the reading: the row may change while it is on its way.
                begun = self._monotonic()
                async with self._catalog.reading() as tx:
                    self._known = await tx.index_routes.get() or self._unmoved
                self._read_at = begun
            return self._known

    def _is_fresh(self) -> bool:
        return self._monotonic() - self._read_at < ROUTE_AGE_S
