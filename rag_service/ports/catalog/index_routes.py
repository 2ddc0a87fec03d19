"""Which engine serves."""

from typing import Protocol

from rag_service.domain.ids import Fingerprint, PointId
from rag_service.domain.index_route import IndexRoute


class IndexRoutes(Protocol):
    """The one row that says which engine serves, for all tenants; for the service itself and its operators."""

    async def get(self) -> IndexRoute | None:
        """Return the route, None before the first migration: then the engine of the settings serves."""

    async def change(self, before: IndexRoute | None, after: IndexRoute) -> None:
        """Replace the route in one update; Conflict unless engines and state are those of `before`."""

    async def note_copied(self, fingerprint: Fingerprint, *, to: PointId, points: int) -> None:
        """Note that `points` more have come over, up to `to` of this build."""

    async def note_compared(self, searches: int, *, overlap: float) -> None:
        """Add searches that were asked of both engines while they are compared, and the sum of their overlaps."""
