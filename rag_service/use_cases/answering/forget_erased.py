"""Erased text leaves the memory of the processes that answer."""

import asyncio
from contextlib import suppress

from rag_service.domain.access import system_scope
from rag_service.domain.ids import ErasureId, TenantId
from rag_service.domain.pages import PageRequest
from rag_service.errors import RagError
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.answering.answer_cache import AnswerCache

LOOK_EVERY_S = 5.0


class ForgetErased:
    """Looks whether anything more was asked to be erased in the tenants whose answers are kept.

    No answer that is kept is given to anybody once a document of it is hidden, which a request does at once: this is
    about the bytes. All of the tenant's answers go, since a person's erasure cannot be told from the text of answers.
    """

    def __init__(self, *, catalog: Catalog, cache: AnswerCache) -> None:
        self._catalog = catalog
        self._cache = cache
        self._seen: dict[TenantId, ErasureId | None] = {}

    async def __call__(self) -> None:
        """Look once. While the catalog does not say, nothing is kept."""
        newest: dict[TenantId, ErasureId | None] = {}
        for tenant_id in self._cache.tenants:
            with suppress(RagError):
                newest[tenant_id] = await self._newest(tenant_id)
            # What was kept before the first look may be older than an erasure.
            if tenant_id not in newest or tenant_id not in self._seen or newest[tenant_id] != self._seen[tenant_id]:
                self._cache.forget(tenant_id)
        self._seen |= newest

    async def again_and_again(self) -> None:
        """Look for as long as the process answers."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self()

    async def _newest(self, tenant_id: TenantId) -> ErasureId | None:
        async with self._catalog.reading() as tx:
            page = await tx.erasures.list(system_scope(tenant_id), PageRequest(limit=1))
        return next((erasure.id for erasure in page.items), None)
