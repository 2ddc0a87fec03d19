"""All addresses that the sitemaps of a website list."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from http import HTTPStatus

from ingestion.connectors.pace import Pace
from ingestion.connectors.sitemap import MAX_SITEMAP_BYTES, Sitemap, parse_sitemap
from ingestion.connectors.urls import normalised
from ingestion.connectors.web_client import Reply, WebClient, is_trouble
from rag_service.errors import SourceRefused, SourceUnavailable, TooLarge

_MAX_SITEMAPS = 1000
_MAX_ENTRIES = 100_000
_MAX_REDIRECTS = 5


async def sitemap_pages(client: WebClient, urls: Iterable[str], pace: Pace) -> AsyncIterator[str]:
    """Yield the normalised addresses in the sitemaps at `urls` and in those that they list.

    Raises:
        SourceUnavailable: one of them cannot be had now.
        SourceRefused: one of them is not there, is no sitemap, or is over a limit.
    """
    waiting = [url for url in map(normalised, urls) if url]
    seen = set(waiting)
    while waiting:
        if len(seen) > _MAX_SITEMAPS:
            raise SourceRefused(f"The website has more than {_MAX_SITEMAPS} sitemaps.")
        url = waiting.pop(0)
        found = await _sitemap(client, url, pace)
        for inner in (normalised(inner, base=url) for inner in found.sitemaps):
            if inner and inner not in seen:
                seen.add(inner)
                waiting.append(inner)
        for page in found.pages:
            if address := normalised(page, base=url):
                yield address


async def _sitemap(client: WebClient, url: str, pace: Pace) -> Sitemap:
    target = url
    for _ in range(_MAX_REDIRECTS + 1):
        await pace.turn()
        async with aclosing(await client.ask(target, max_bytes=MAX_SITEMAP_BYTES)) as reply:
            if reply.redirect is None:
                content = await _content(reply, url)
                return await asyncio.to_thread(parse_sitemap, content, max_entries=_MAX_ENTRIES)
            target = reply.redirect
    raise SourceRefused(f"The sitemap {url} leads round in circles.")


async def _content(reply: Reply, url: str) -> bytes:
    if is_trouble(reply.status):
        raise SourceUnavailable(f"The sitemap {url} answers with status {reply.status}.")
    if reply.status != HTTPStatus.OK:
        raise SourceRefused(f"The sitemap {url} answers with status {reply.status}.")
    try:
        return b"".join([piece async for piece in reply.body()])
    except TooLarge as exc:
        raise SourceRefused(f"The sitemap {url} is larger than the standard allows.") from exc
