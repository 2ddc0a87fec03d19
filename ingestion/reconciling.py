"""The reconciler beside a worker's jobs: once before the first seal, then on a schedule."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto

import structlog

from ingestion.outages import AFTER_OUTAGE_S
from ingestion.waiting import beside
from rag_service.domain.findings import FindingKind, FoundKind
from rag_service.errors import DependencyUnavailable
from rag_service.settings import ReconcileSettings
from rag_service.use_cases.reconcile import Reconcile

_TRIES = 4
_UNCHECKED = frozenset({FindingKind.UNCHECKED_CORPUS, FindingKind.UNCHECKED_FILES})
_OF_POINTS = frozenset({FindingKind.MISSING_POINT, FindingKind.WRONG_POINT, FindingKind.WRONG_INTERVAL})

_log = structlog.get_logger()


class _Round(Enum):
    """How far a round came."""

    COMPLETE = auto()
    UNMENDED = auto()  # all was looked at, but points were left, as to a seal that goes on
    PARTIAL = auto()  # not all was looked at
    NONE = auto()


class Reconciling:
    """Runs the reconciler. Several workers may do so at the same time."""

    def __init__(self, *, reconcile: Reconcile, settings: ReconcileSettings) -> None:
        self._reconcile = reconcile
        self._settings = settings

    async def before_sealing(self) -> None:
        """Mend what would harm the next seal; wait for index and catalog to be there.

        A corpus that still cannot be looked at after some tries does not keep the others waiting.
        """
        tries = 0
        while True:
            ended = await _told(self._reconcile.before_sealing())
            tries += ended is _Round.PARTIAL
            if ended in {_Round.COMPLETE, _Round.UNMENDED} or tries == _TRIES:
                return
            await asyncio.sleep(AFTER_OUTAGE_S)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Look at everything now and then again on schedule, until the block ends."""
        return beside(self._repeat())

    async def _repeat(self) -> None:
        pause_s = AFTER_OUTAGE_S
        while True:
            try:
                is_complete = await _told(self._reconcile.everything()) is _Round.COMPLETE
            except Exception:  # noqa: BLE001  (the worker's edge: an error in one round must not end all rounds)
                _log.exception("reconciler_failed")
                is_complete = True
            # What cannot be looked at or mended for hours is tried less and less often: each round reads everything.
            pause_s = AFTER_OUTAGE_S if is_complete else min(2 * pause_s, self._settings.every_s)
            await asyncio.sleep(self._settings.every_s if is_complete else pause_s)


async def _told(looking: Awaitable[Sequence[FoundKind]]) -> _Round:
    try:
        found = await looking
    except DependencyUnavailable as exc:
        _log.warning("reconciler_waits", reason=str(exc))
        return _Round.NONE
    for each in found:
        _log.warning("reconciled", kind=each.kind.value, found=each.found, mended=each.mended)
    if any(each.kind in _UNCHECKED for each in found):
        return _Round.PARTIAL
    left = any(each.kind in _OF_POINTS and each.found > each.mended for each in found)
    return _Round.UNMENDED if left else _Round.COMPLETE
