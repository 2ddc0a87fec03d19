"""Write points that were read elsewhere, but nothing of what was erased since."""

from collections.abc import Sequence
from itertools import groupby

from rag_service.domain.access import system_scope
from rag_service.domain.ids import DocumentId, Fingerprint, TenantId
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import Point, VectorIndex


class CopyPoints:
    """Copies into an index what the catalog still has the documents of. Safe to repeat."""

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(self, target: VectorIndex, fingerprint: Fingerprint, points: Sequence[Point]) -> list[Point]:
        """Write the points, and return those that were written."""
        written = await self.known(points)
        await target.write(fingerprint, written)
        kept = await self.known(written)
        if len(kept) < len(written):
            # Erased while they were written: the erasure may have looked at the files already.
            ids = {point.id for point in kept}
            await target.purge(fingerprint, [point.id for point in written if point.id not in ids])
            await target.compact(fingerprint)
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
