"""Throwing away what nobody asks for again: replies kept for repeated requests, remains of broken uploads."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog
from rag_service.settings import HousekeepingSettings

INTERVAL = timedelta(hours=1)

_log = structlog.get_logger()


class Housekeeping:
    """Makes its round once an hour. Several workers may do so at the same time."""

    def __init__(
        self, *, catalog: Catalog, blobs: BlobStore, clock: Callable[[], datetime], settings: HousekeepingSettings
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clock = clock
        self._settings = settings
        self._due_at = clock()

    async def run_if_due(self) -> None:
        """Make a round if the last one is long ago."""
        now = self._clock()
        if now < self._due_at:
            return
        # Set first: a store that is down is asked again at the next round, not in a moment.
        self._due_at = now + INTERVAL
        async with self._catalog.writing() as tx:
            replies = await tx.replies.forget(before=now - timedelta(hours=self._settings.replies_hours))
        uploads = await self._blobs.sweep(before=now - timedelta(hours=self._settings.broken_uploads_hours))
        if replies or uploads:
            _log.info("swept", replies=replies, broken_uploads=uploads)
