"""Which engine serves."""

from collections.abc import Sequence
from typing import Protocol

from rag_service.domain.ids import Fingerprint, PointId
from rag_service.domain.index_route import IndexRoute, MissedWrites


class IndexRoutes(Protocol):
    """The one row that says which engine serves, and what the other one lacks: of all tenants, for the service itself."""

    async def get(self) -> IndexRoute | None:
        """Return the route, None before the first migration: then the engine of the settings serves."""

    async def change(self, before: IndexRoute | None, after: IndexRoute) -> None:
        """Replace the route in one update; Conflict unless engines and state are those of `before`."""

    async def note_copied(self, fingerprint: Fingerprint, *, to: PointId, points: int) -> None:
        """Note that `points` more have come over, up to `to` of this build."""

    async def note_compared(self, searches: int, *, overlap: float) -> None:
        """Add searches that were asked of both engines while they are compared, and the sum of their overlaps."""

    async def note_missed(self, engine: str, fingerprint: Fingerprint) -> None:
        """Note that an engine missed writes of a build."""

    async def missed(self) -> list[MissedWrites]:
        """Return by engine and build what is noted and not mended."""

    async def forget_missed(self, mended: Sequence[MissedWrites]) -> None:
        """Forget what was mended; what has grown since it was read is not."""
