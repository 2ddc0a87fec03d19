"""Which builds the engine that follows lacks writes of: noted by the process that missed one, soon known to all."""

import asyncio
import math
import time
from collections.abc import Callable

import structlog

from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_route import ROUTE_AGE_S
from rag_service.errors import RagError
from rag_service.ports.catalog import Catalog

_AGAIN_S = 1.0
_LAST_TRY_S = 5.0

_log = structlog.get_logger()

_Missed = tuple[str, Fingerprint]


class FollowerMisses:
    """Keeps misses in the catalog until a migration has evened the engines out; knows those of others for a second at most.

    A miss counts in this process at once. It is written in the background: whoever changes points may be inside of a
    transaction of the catalog, which lets in no other one.
    """

    def __init__(self, catalog: Catalog, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._catalog = catalog
        self._monotonic = monotonic
        self._waiting: set[_Missed] = set()
        self._noted_at: dict[_Missed, float] = {}
        self._writing: asyncio.Task[None] | None = None
        self._known: frozenset[_Missed] = frozenset()
        self._read_at = -math.inf
        self._reading = asyncio.Lock()

    def note(self, engine: str, fingerprint: Fingerprint) -> None:
        """Note that an engine may lack a write of a build."""
        self._waiting.add((engine, fingerprint))
        self._noted_at[engine, fingerprint] = math.inf
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def lacks(self, engine: str, fingerprint: Fingerprint) -> bool:
        """Say whether it is known to.

        Raises:
            CatalogUnavailable: what is known is too old and cannot be read anew.
        """
        async with self._reading:
            if self._monotonic() - self._read_at >= ROUTE_AGE_S:
                await self._read()
        missed = (engine, fingerprint)
        return missed in self._known or missed in self._noted_at

    async def aclose(self) -> None:
        """Try for some seconds to write what is not written yet."""
        if self._writing is None:
            return
        await asyncio.wait({self._writing}, timeout=_LAST_TRY_S)
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)

    async def _read(self) -> None:
        begun = self._monotonic()
        async with self._catalog.reading() as tx:
            self._known = frozenset((one.engine, one.fingerprint) for one in await tx.index_routes.missed())
        self._read_at = begun
        # Written before the reading began, it was in what was read, or is mended by now.
        self._noted_at = {missed: at for missed, at in self._noted_at.items() if at >= begun}

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, set()
            try:
                async with self._catalog.writing() as tx:
                    for engine, fingerprint in sorted(batch):
                        await tx.index_routes.note_missed(engine, fingerprint)
            except RagError as exc:
                _log.warning("index_follower_miss_not_noted", reason=str(exc))
                self._waiting |= batch
                await asyncio.sleep(_AGAIN_S)
            else:
                self._noted_at |= dict.fromkeys(batch - self._waiting, self._monotonic())
