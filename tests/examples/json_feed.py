"""An example of a connector: every entry of a JSON feed (jsonfeed.org) becomes a document."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any

from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.port import Connector, Item, ItemGone
from ingestion.connectors.web_client import WebClient, is_trouble
from rag_service.errors import SourceRefused, SourceUnavailable


@asynccontextmanager
async def open_json_feed(url: str, limits: SourceLimits) -> AsyncIterator[Connector]:
    """Open the feed; whatever is held is freed at the end of the block."""
    async with WebClient(limits) as client:
        yield JsonFeedConnector(client, url)


class JsonFeedConnector:
    """Reads the feed once for a listing; a fetch without one reads it again."""

    def __init__(self, client: WebClient, url: str) -> None:
        self._client = client
        self._url = url
        self._contents: dict[str, bytes] = {}

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        """Yield every entry. A feed is one answer, so there is nothing to ask about what is `known`."""
        for key, entry in (await self._entries()).items():
            sha256 = hashlib.sha256(self._contents[key]).hexdigest()
            name = str(entry.get("title") or key)
            yield Item(
                key=key,
                filename=f"{name.replace('/', '-')[:200]}.html",
                revision=sha256,
                size_bytes=len(self._contents[key]),
                content_id=f"sha256:{sha256}",
            )

    async def fetch(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the content of an entry."""
        if item.key not in self._contents and item.key not in await self._entries():
            raise ItemGone
        yield self._contents[item.key]

    async def _entries(self) -> dict[str, dict[str, Any]]:
        async with aclosing(await self._client.ask(self._url)) as reply:
            if is_trouble(reply.status):
                raise SourceUnavailable(f"The feed answers with status {reply.status}.")
            if reply.status != HTTPStatus.OK:
                raise SourceRefused(f"The feed answers with status {reply.status}.")
            text = b"".join([piece async for piece in reply.body()])
        try:
            entries = {str(entry["id"]): entry for entry in json.loads(text)["items"]}
            self._contents = {key: str(entry.get("content_html", "")).encode() for key, entry in entries.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            # Never an empty listing: it would delete every document of the source.
            raise SourceRefused("The address does not lead to a JSON feed.") from exc
        return entries
