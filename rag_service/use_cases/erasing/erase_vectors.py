"""Vectors that were kept of texts before these had chunks, by a preparation that never came to its end."""

from dataclasses import replace

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import Counts, Erasure, Removal
from rag_service.ports.catalog import Catalog
from rag_service.ports.eraser import Held


class EraseVectors:
    """The eraser of kept vectors; those of texts that had chunks have gone together with their rows."""

    store = "kept vectors"
    claims = frozenset({"kept_vectors"})

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog

    async def erase(self, scope: AccessScope, erasure: Erasure, *, still_held: Held) -> Removal:
        """Remove the vectors of all texts that no chunk has; what is being prepared now is embedded once more."""
        if erasure.plan.has_strays:
            async with self._catalog.writing() as tx:
                await still_held(tx)
                removal = erasure.removal.plus(await tx.erasures.remove_strayed_vectors(scope))
                plan = replace(erasure.plan, has_strays=False)
                await tx.erasures.note(scope, replace(erasure, plan=plan, removal=removal))
        return Removal()

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """The rows of the plan are counted with the catalog's."""
        return {}
