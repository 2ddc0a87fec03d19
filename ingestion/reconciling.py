"""The reconciler beside a worker's jobs: once before the first seal, then on a schedule."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from rag_service.domain.findings import FoundKind
from rag_service.errors import DependencyUnavailable
from rag_service.settings import ReconcileSettings
from rag_service.use_cases.reconcile import Reconcile

_PAUSE_AFTER_OUTAGE_S = 5.0

_log = structlog.get_logger()


class Reconciling:
    """Runs the reconciler. Several workers may do so at the same time."""

    def __init__(self, *, reconcile: Reconcile, settings: ReconcileSettings) -> None:
        self._reconcile = reconcile
        self._settings = settings

    async def before_sealing(self) -> None:
        """Mend what would harm the next seal; wait for index and catalog to be there."""
        while True:
            if await _told(self._reconcile.before_sealing()):
                return
            await asyncio.sleep(_PAUSE_AFTER_OUTAGE_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at everything now and then again on schedule, until the block ends."""
        rounds = asyncio.create_task(self._repeat())
        try:
            yield
        finally:
            rounds.cancel()
            with suppress(asyncio.CancelledError):
                await rounds

    async def _repeat(self) -> None:
        while True:
            try:
                done = await _told(self._reconcile.everything())
            except Exception:  # noqa: BLE001  (the worker's edge: an error in one round must not end all rounds)
                _log.exception("reconciler_failed")
                done = True
            await asyncio.sleep(self._settings.every_s if done else _PAUSE_AFTER_OUTAGE_S)


async def _told(looking: Awaitable[Sequence[FoundKind]]) -> bool:
    try:
        found = await looking
    except DependencyUnavailable as exc:
        _log.warning("reconciler_waits", reason=str(exc))
        return False
    for each in found:
        _log.warning("reconciled", kind=each.kind.value, found=each.found, mended=each.mended)
    return True
