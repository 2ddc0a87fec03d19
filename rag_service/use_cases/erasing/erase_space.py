"""What deleted rows leave in the files of the catalog."""

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import Counts, Erasure, Removal
from rag_service.ports.eraser import Compacts, Held


class EraseSpace:
    """The eraser of the catalog's files; after it the rows cannot be read from the disk either."""

    store = "catalog files"
    claims = frozenset[str]()

    def __init__(self, *, catalog: Compacts) -> None:
        self._catalog = catalog

    async def erase(self, scope: AccessScope, erasure: Erasure, *, still_held: Held) -> Removal:
        """Tidy the files."""
        return Removal(notes=tuple(await self._catalog.compact()))

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """There is nothing to look up."""
        return {}
