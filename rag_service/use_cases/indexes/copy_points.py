"""Write points that were read elsewhere, but nothing of what was erased since."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

from rag_service.domain.access import system_scope
from rag_service.domain.ids import DocumentId, Fingerprint, TenantId
from rag_service.errors import EngineLetGo
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import Point, VectorIndex

Still = Callable[[], Awaitable[None]]


async def always() -> None:
    """Say that the target is to be written to whatever happens."""


class CopyPoints:
    """Copies into an index what the catalog still has the documents of. Safe to repeat.

    `still` raises Conflict when the target is not to be written to any more: EngineLetGo when it is to be empty as well.
    """

    def __init__(self, *, catalog: Catalog, still: Still = always) -> None:
        self._catalog = catalog
        self._still = still

    async def __call__(self, target: VectorIndex, fingerprint: Fingerprint, points: Sequence[Point]) -> list[Point]:
        """Write the points, and return those that were written.

        Raises:
            EngineLetGo: the target is to be left empty, and is.
            Conflict: the target serves by now: the points may be older than what it held.
        """
        written = await self.known(points)
        await self._still()
        await target.write(fingerprint, written)
        kept = await self.known(written)
        if len(kept) < len(written):
            # Erased while they were written: the erasure may have looked at the files already.
            ids = {point.id for point in kept}
            await target.purge(fingerprint, [point.id for point in written if point.id not in ids])
            await target.compact(fingerprint)
        try:
            await self._still()
        except EngineLetGo:
            # It was emptied before the points arrived: no erasure would ever look for them in there.
            await target.drop(fingerprint)
            raise
        return kept

    async def known(self, points: Sequence[Point]) -> list[Point]:
        """Return those of the points whose documents the catalog has."""
        # An erasure removes rows before points, so that what has no row is to be in no index.
        known: set[DocumentId] = set()
        async with self._catalog.reading() as tx:
            for tenant_id, of_tenant in groupby(sorted(points, key=_tenant), key=_tenant):
                ids = sorted({point.document_id for point in of_tenant})
                known |= set(await tx.documents.principals(system_scope(tenant_id), ids))
        return [point for point in points if point.document_id in known]


def _tenant(point: Point) -> TenantId:
    return point.tenant_id
