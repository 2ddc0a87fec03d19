"""Erasures as those see them who may ask for them."""

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.erasures import Erasure
from rag_service.domain.ids import ErasureId
from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import NotFound
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.permissions import require


class ReadErasures:
    """Shows erasures, with their receipts, to admins of the whole tenant."""

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[Erasure]:
        """Return a page of them, by time of request; NotFound when the caller may see none."""
        require_erasing(scope, kind="endpoint", ref="/v1/erasures")
        async with self._catalog.reading() as tx:
            return await tx.erasures.list(scope, page)

    async def get(self, scope: AccessScope, erasure_id: ErasureId) -> Erasure:
        """Return an erasure, or raise NotFound."""
        require_erasing(scope, kind="erasure", ref=erasure_id)
        async with self._catalog.reading() as tx:
            return await tx.erasures.get(scope, erasure_id)


def require_erasing(scope: AccessScope, *, kind: str, ref: str) -> None:
    """Raise NotFound unless the caller is an admin of the whole tenant: an erasure reaches all of its answers."""
    require(scope, Permission.ADMIN, kind=kind, ref=ref)
    if scope.corpora is not None:
        raise NotFound(kind, ref)
