"""Copy every build of one engine into another that already gets all new writes."""

import asyncio
from collections.abc import Sequence

from rag_service.domain.ids import Fingerprint, PointId
from rag_service.domain.index_route import IndexRoute
from rag_service.errors import Conflict
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.use_cases.indexes.copy_points import CopyPoints
from rag_service.use_cases.indexes.reading_points import in_parts
from rag_service.use_cases.indexes.telling import OnStep

BATCH = 1_000
"""Points between two notes of how far it is: what a crash repeats, at most."""

_PAUSE_S = 0.05
"""After each batch: searches come first."""


class CopyBuilds:
    """Goes on from where the route says; ends with what was there when it began, or more."""

    def __init__(self, *, catalog: Catalog, copy: CopyPoints, batch: int = BATCH) -> None:
        self._catalog = catalog
        self._copy = copy
        self._batch = batch

    async def __call__(self, source: VectorIndex, target: VectorIndex, route: IndexRoute, *, on_step: OnStep) -> None:
        """Copy page by page, in order of build and point id.

        Raises:
            Conflict: a build cannot be read.
        """
        counts = await readable_builds(source)
        done, total = route.copied, sum(counts.values())
        for fingerprint in sorted(counts):
            if route.copied_build and fingerprint < route.copied_build:
                continue
            after = route.copied_to if fingerprint == route.copied_build else None
            async for points in in_parts(source.points(fingerprint, after=after), self._batch):
                await self._copy(target, fingerprint, points)
                await self._note(fingerprint, points)
                done += len(points)
                on_step("copying", done, total)
                await asyncio.sleep(_PAUSE_S)

    async def _note(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        to: PointId = points[-1].id
        async with self._catalog.writing() as tx:
            await tx.index_routes.note_copied(fingerprint, to=to, points=len(points))


async def readable_builds(index: VectorIndex) -> dict[Fingerprint, int]:
    """Return how many points each build holds, or raise Conflict when one cannot be read."""
    counts = await index.builds()
    broken = sorted(name for name, count in counts.items() if count is None)
    if broken:
        raise Conflict(f"The build {broken[0]} cannot be read. Rebuild it first: `rag index rebuild {broken[0]}`.")
    return {name: count for name, count in counts.items() if count is not None}
