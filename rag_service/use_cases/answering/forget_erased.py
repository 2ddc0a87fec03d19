"""Erased text leaves the memory of the processes that answer."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from rag_service.domain.access import system_scope
from rag_service.domain.ids import ErasureId, TenantId
from rag_service.domain.pages import PageRequest
from rag_service.domain.remembered import TEXTS_STAY_S, forget_texts
from rag_service.errors import RagError
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.answering.answer_cache import AnswerCache

LOOK_EVERY_S = 5.0

_SKEW = timedelta(hours=1)
"""How far the clocks of two machines may be apart, and how late after its time a request may come to be seen."""

_AT_ONCE = 20
_MOST_PAGES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """When a tenant was looked at, and the erasures of the time before that were known then."""

    at: datetime
    known: frozenset[ErasureId]


class ForgetErased:
    """Looks whether anything more was asked to be erased in the tenants whose answers are kept.

    No answer that is kept is given to anybody once a document of it is hidden, which a request does at once: this is
    about the bytes. All of the tenant's answers go, since a person's erasure cannot be told from the text of answers;
    and all that is remembered of texts, which knows no tenants and goes without an erasure too.
    """

    def __init__(self, *, catalog: Catalog, cache: AnswerCache, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._cache = cache
        self._clock = clock
        self._looks: dict[TenantId, _Look] = {}
        self._texts_go_at = clock()

    async def __call__(self) -> None:
        """Look once. While the catalog does not say, nothing is kept."""
        now = self._clock()
        lost = [tenant_id for tenant_id in self._cache.tenants if not await self._is_as_it_was(tenant_id, now)]
        for tenant_id in lost:
            self._cache.forget(tenant_id)
        if lost or now >= self._texts_go_at:
            forget_texts()
            self._texts_go_at = now + timedelta(seconds=TEXTS_STAY_S)

    async def again_and_again(self) -> None:
        """Look for as long as the process answers."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self()

    async def _is_as_it_was(self, tenant_id: TenantId, now: datetime) -> bool:
        """Say whether nothing was asked to be erased since the last look; at the first, since the oldest answer."""
        with suppress(RagError):
            last = self._looks.get(tenant_id, _Look(at=now, known=frozenset()))
            oldest = min(last.at, now - timedelta(seconds=self._cache.keep_s)) - _SKEW
            known, is_complete = await self._known_since(tenant_id, oldest)
            self._looks[tenant_id] = _Look(at=now, known=known)
            return is_complete and known <= last.known
        return False

    async def _known_since(self, tenant_id: TenantId, oldest: datetime) -> tuple[frozenset[ErasureId], bool]:
        """Return the erasures after a time, and whether these are all: of very many, only the newest are read."""
        # Not the newest one alone: one with an earlier time, of a clock that is behind, may be seen after it.
        known: set[ErasureId] = set()
        after: ErasureId | None = None
        async with self._catalog.reading() as tx:
            for _ in range(_MOST_PAGES):
                page = await tx.erasures.list(system_scope(tenant_id), PageRequest(limit=_AT_ONCE, after=after))
                recent = [erasure.id for erasure in page.items if erasure.created_at > oldest]
                known.update(recent)
                if not page.has_more or len(recent) < len(page.items):
                    return frozenset(known), True
                after = recent[-1]
        return frozenset(known), False
