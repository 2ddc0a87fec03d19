"""Raw bytes of files that no row names any more."""

from collections.abc import Sequence

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import Counts, Erasure, Removal
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog
from rag_service.ports.eraser import Held

_AT_ONCE = 16
"""Nobody else writes to the catalog meanwhile."""


class EraseFiles:
    """The eraser of the store of raw files."""

    store = "blobs"
    claims = frozenset({"blobs"})

    def __init__(self, *, catalog: Catalog, blobs: BlobStore) -> None:
        self._catalog = catalog
        self._blobs = blobs

    async def erase(self, scope: AccessScope, erasure: Erasure, *, still_held: Held) -> Removal:
        """Delete the bytes that the plan names, unless a file with the same came in since."""
        planned, removed = erasure.plan.blobs, 0
        for start in range(0, len(planned), _AT_ONCE):
            removed += await self._delete(scope, planned[start : start + _AT_ONCE])
        shared = len(planned) - removed
        return Removal(removed={"blobs": removed}, shared={"blobs": shared})

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """Count what is there without a row."""
        async with self._catalog.reading() as tx:
            unused = await tx.files.unused(scope, erasure.plan.blobs, hold=False)
        there = [await self._blobs.exists(scope, sha256) for sha256 in sorted(unused)]
        return {"blobs": sum(there)}

    async def _delete(self, scope: AccessScope, hashes: Sequence[str]) -> int:
        # Inside the transaction: nobody's row can be added meanwhile, and who adds it next looks for the bytes again.
        async with self._catalog.writing() as tx:
            unused = await tx.files.unused(scope, hashes, hold=True)
            for sha256 in sorted(unused):
                await self._blobs.delete(scope, sha256)
        return len(unused)
