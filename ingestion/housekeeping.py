"""Throwing away what nobody asks for again: old versions, replies kept for repeated requests, broken uploads."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

import structlog

from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import CorpusId
from rag_service.errors import Conflict, DependencyUnavailable, NotFound
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog
from rag_service.settings import HousekeepingSettings
from rag_service.use_cases.every_corpus import every_corpus
from rag_service.use_cases.retention import NOTHING_DROPPED, ApplyRetention

INTERVAL = timedelta(hours=1)

_log = structlog.get_logger()


class Housekeeping:
    """Makes its round once an hour. Several workers may do so at the same time."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        blobs: BlobStore,
        apply_retention: ApplyRetention,
        clock: Callable[[], datetime],
        settings: HousekeepingSettings,
    ) -> None:
        self._catalog = catalog
        self._apply_retention = apply_retention
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
        await self._drop_versions()

    async def _drop_versions(self) -> None:
        async with self._catalog.reading() as tx:
            scopes = [system_scope(tenant_id) for tenant_id in await tx.points.tenants()]
        for scope in scopes:
            async for corpus in every_corpus(self._catalog, scope):
                await self._drop_versions_of(scope, corpus.id)

    async def _drop_versions_of(self, scope: AccessScope, corpus_id: CorpusId) -> None:
        try:
            dropped = await self._apply_retention(scope, corpus_id)
        except (NotFound, Conflict, DependencyUnavailable) as exc:
            # Erased, labelled or out of order at this moment: no other corpus waits for it, and it has its turn again.
            _log.warning("retention_gave_up", corpus_id=corpus_id, reason=str(exc))
            return
        if dropped != NOTHING_DROPPED:
            _log.info("retention_applied", corpus_id=corpus_id, **asdict(dropped))
