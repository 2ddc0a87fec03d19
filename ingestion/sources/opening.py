"""From a source, as it is kept, to its connector: with its credentials, within the operator's limits."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.opening import open_connector
from ingestion.connectors.port import Connector
from ingestion.sources.copies import SourceCopies
from rag_service.domain.sync import Source
from rag_service.errors import RagError
from rag_service.ports.cipher import Cipher
from rag_service.settings import SourceSettings


class OpenSources:
    """Opens sources for their runs."""

    def __init__(self, *, cipher: Cipher, copies: SourceCopies, settings: SourceSettings, max_item_bytes: int) -> None:
        self._cipher = cipher
        self._copies = copies
        self._settings = settings
        self._max_item_bytes = max_item_bytes

    @asynccontextmanager
    async def __call__(self, source: Source, *, keep_copies: Callable[[], Awaitable[bool]]) -> AsyncIterator[Connector]:
        """Open a source; see `ingestion.sources.sync.OpenSource`."""
        try:
            async with open_connector(source.settings, self._credentials(source), self._limits(source)) as connector:
                yield connector
        finally:
            if not await _says_yes(keep_copies):
                await asyncio.to_thread(self._copies.forget, source.corpus_id, source.id)

    def _credentials(self, source: Source) -> Mapping[str, str]:
        if source.credentials is None:
            return {}
        opened: dict[str, str] = json.loads(self._cipher.decrypt(source.credentials, bound_to=source.id))
        return opened

    def _limits(self, source: Source) -> SourceLimits:
        given = self._settings
        return SourceLimits(
            cache_dir=self._copies.folder(source.corpus_id, source.id),
            allowed_roots=given.folder_roots,
            allow_private=given.allow_private_addresses,
            max_items=given.max_items,
            max_item_bytes=self._max_item_bytes,
            max_repository_bytes=given.max_repository_bytes,
            request_timeout_s=given.request_timeout_s,
            listing_timeout_s=given.listing_timeout_s,
        )


async def _says_yes(ask: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await ask()
    except RagError:
        return False  # the corpus is erased, or nobody can tell
