"""At the start of a service: whatever was asked to be erased stays erased, whichever backup the catalog came from."""

from collections.abc import Sequence
from contextlib import suppress

import structlog

from rag_service.domain.erasures import Erasure, ErasureState
from rag_service.errors import Conflict
from rag_service.ports.catalog import Catalog
from rag_service.ports.erasure_log import ErasureLog
from rag_service.use_cases.erasing.request_erasure import RequestErasure

_AT_ONCE = 200

_log = structlog.get_logger()


class ReplayErasures:
    """Compares the log of erasures with the catalog. It must be over before anything is shown to anybody."""

    def __init__(self, *, catalog: Catalog, log: ErasureLog, request: RequestErasure) -> None:
        self._catalog = catalog
        self._log = log
        self._request = request

    async def __call__(self) -> int:
        """Ask again for what the catalog does not know or has not finished; return how many that were."""
        asked = await self._log.entries()
        unfinished = [
            one
            for start in range(0, len(asked), _AT_ONCE)
            for one in await self._unfinished(asked[start : start + _AT_ONCE])
        ]
        for erasure in unfinished:
            # Another process that starts may ask at the same moment.
            with suppress(Conflict):
                await self._request.again(erasure)
        if unfinished:
            _log.warning("erasures_replayed", erasures=len(unfinished))
        return len(unfinished)

    async def _unfinished(self, asked: Sequence[Erasure]) -> list[Erasure]:
        async with self._catalog.reading() as tx:
            known = await tx.erasures.known([erasure.id for erasure in asked])
            tenants = frozenset(await tx.points.tenants())
        return [
            erasure
            for erasure in asked
            # A catalog from before there was the tenant has nothing of it.
            if erasure.tenant_id in tenants
            and (erasure.id not in known or known[erasure.id].state is not ErasureState.DONE)
        ]
