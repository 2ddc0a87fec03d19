"""Write a build of the index anew from the catalog: its chunks, and the vectors that were kept of them."""

from collections.abc import Sequence

from rag_service.domain.findings import FoundKind
from rag_service.domain.ids import Fingerprint
from rag_service.errors import NotFound
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.reconcile import Reconcile


class RebuildIndex:
    """Drops a build, damaged or not, and has the reconciler write it. Nothing is embedded whose vector was kept."""

    def __init__(self, *, index: VectorIndex, reconcile: Reconcile) -> None:
        self._index = index
        self._reconcile = reconcile

    async def __call__(self, fingerprint: Fingerprint) -> Sequence[FoundKind]:
        """Return what the reconciler found, the missing points among it. Until it is done, searches find less.

        Cut short, the reconciler goes on with it by itself.

        Raises:
            NotFound: the index has no such build.
        """
        if fingerprint not in await self._index.builds():
            raise NotFound("build", fingerprint)
        await self._index.drop(fingerprint)
        found = await self._reconcile.everything()
        await self._index.optimise(fingerprint)
        return found
