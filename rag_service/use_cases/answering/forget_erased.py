"""Erased text leaves the memory of the processes that answer."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from rag_service.domain.access import system_scope
from rag_service.domain.erasures import Erasure
from rag_service.domain.ids import ErasureId, TenantId
from rag_service.domain.pages import PageRequest
from rag_service.errors import RagError
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.answering.answer_cache import AnswerCache

LOOK_EVERY_S = 5.0

_SKEW = timedelta(hours=1)
"""How far the clocks of two machines may be apart."""


class ForgetErased:
    """Looks whether anything more was asked to be erased in the tenants whose answers are kept.

    No answer that is kept is given to anybody once a document of it is hidden, which a request does at once: this is
    about the bytes. All of the tenant's answers go, since a person's erasure cannot be told from the text of answers.
    """

    def __init__(self, *, catalog: Catalog, cache: AnswerCache, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._cache = cache
        self._clock = clock
        self._seen: dict[TenantId, ErasureId | None] = {}

    async def __call__(self) -> None:
        """Look once. While the catalog does not say, nothing is kept."""
        for tenant_id in self._cache.tenants:
            is_known = False
            with suppress(RagError):
                is_known = not await self._has_erased_more(tenant_id)
            if not is_known:
                self._cache.forget(tenant_id)

    async def again_and_again(self) -> None:
        """Look for as long as the process answers."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self()

    async def _has_erased_more(self, tenant_id: TenantId) -> bool:
        """Say whether something was asked to be erased since the last look, or perhaps since the oldest answer."""
        async with self._catalog.reading() as tx:
            page = await tx.erasures.list(system_scope(tenant_id), PageRequest(limit=1))
        newest = next(iter(page.items), None)
        newest_id = newest.id if newest else None
        has_more = newest_id != self._seen[tenant_id] if tenant_id in self._seen else self._is_recent(newest)
        self._seen[tenant_id] = newest_id
        return has_more

    def _is_recent(self, erasure: Erasure | None) -> bool:
        oldest = self._clock() - timedelta(seconds=self._cache.keep_s) - _SKEW
        return erasure is not None and erasure.created_at > oldest
