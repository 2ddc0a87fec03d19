"""A website, by its sitemaps, by following its links, or both."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from ingestion.connectors.addresses import Resolve, resolved
from ingestion.connectors.crawl import Crawl
from ingestion.connectors.credentials import authorisation
from ingestion.connectors.globs import Globs
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.pace import Pace
from ingestion.connectors.page_memory import load_pages, save_pages
from ingestion.connectors.page_visit import PageVisits, body_file
from ingestion.connectors.port import Connector, Item, ItemGone
from ingestion.connectors.robots import Robots, read_robots
from ingestion.connectors.sitemap_pages import sitemap_pages
from ingestion.connectors.urls import Site, name_of, normalised, site_of
from ingestion.connectors.web_client import Reply, WebClient, is_trouble
from rag_service.domain.sources import WebsiteSource
from rag_service.errors import SourceRefused, SourceUnavailable

_RUN = "run-"
_CRASHED_AFTER_S = 24 * 3600
_MAX_REDIRECTS = 5
_PIECE_BYTES = 2**20


@asynccontextmanager
async def open_website(
    settings: WebsiteSource,
    credentials: Mapping[str, str],
    limits: SourceLimits,
    *,
    resolve: Resolve = resolved,
) -> AsyncIterator[Connector]:
    """Open the website; nothing is asked for until it is listed.

    Raises:
        SourceRefused: credentials would go over an open connection, or the address is none.
    """
    start = normalised(settings.url)
    if start is None:
        raise SourceRefused("The address of the website cannot be used.")
    if credentials and urlsplit(start).scheme == "http" and not limits.allow_private:
        raise SourceRefused("Credentials are sent over https:// only.")
    await asyncio.to_thread(limits.cache_dir.mkdir, parents=True, exist_ok=True)
    client = WebClient(limits, authorisation=authorisation(credentials), authorised_origin=start, resolve=resolve)
    await asyncio.to_thread(_sweep, limits.cache_dir)
    with tempfile.TemporaryDirectory(prefix=_RUN, dir=limits.cache_dir, ignore_cleanup_errors=True) as folder:
        async with client:
            yield WebsiteConnector(client, settings, limits, start=start, folder=Path(folder))


class WebsiteConnector:
    """Visits pages level by level, so that what is within a depth is the same in every run."""

    def __init__(
        self, client: WebClient, settings: WebsiteSource, limits: SourceLimits, *, start: str, folder: Path
    ) -> None:
        self._client = client
        self._settings = settings
        self._limits = limits
        self._start = start
        self._folder = folder
        self._wanted = Globs(include=settings.include, exclude=settings.exclude)
        self._pace = Pace(settings.delay_s)

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        """Yield every page and file of the site that is found; what the last run saw is only asked about."""
        robots = await read_robots(self._client, self._start)
        self._pace = Pace(max(self._settings.delay_s, robots.delay_s))
        site = await self._site(robots)
        memory = self._limits.cache_dir / "pages.json"
        crawl = Crawl(
            PageVisits(
                self._client,
                site=site,
                robots=robots,
                pace=self._pace,
                folder=self._folder,
                retry_wait_s=self._limits.retry_wait_s,
            ),
            site=site,
            settings=self._settings,
            before=await asyncio.to_thread(load_pages, memory, site),
            known=known,
            max_pages=min(self._settings.max_pages, self._limits.max_items),
        )
        async for item in self._found(crawl, await self._first_level(site)):
            yield item
        await asyncio.to_thread(save_pages, memory, site, crawl.seen)

    async def fetch(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the body of a page or file."""
        file = body_file(self._folder, item.key)
        if await asyncio.to_thread(file.exists):
            with await asyncio.to_thread(file.open, "rb") as kept:
                while piece := await asyncio.to_thread(kept.read, _PIECE_BYTES):
                    yield piece
            return
        async with aclosing(await self._answer(item.key)) as reply:
            _assert_there(reply)
            async for piece in reply.body():
                yield piece

    async def _found(self, crawl: Crawl, level: Iterable[str]) -> AsyncIterator[Item]:
        ends_at = time.monotonic() + self._limits.listing_timeout_s
        links: dict[str, None] = {}
        for _ in range(self._settings.max_depth + 1):
            async for item in self._level(crawl, level, links, ends_at):
                yield item
            if not self._settings.crawl:
                return
            level, links = links, {}
        async for item in self._level(crawl, crawl.unreached(), links, ends_at):
            yield item

    async def _level(
        self, crawl: Crawl, level: Iterable[str], links: dict[str, None], ends_at: float
    ) -> AsyncIterator[Item]:
        """Yield the items of a level, and put what they lead to into `links`."""
        async for url, page in crawl.level(level):
            if time.monotonic() > ends_at:
                raise SourceRefused("Listing the website takes longer than the limit. Narrow it by path or depth.")
            links.update(dict.fromkeys(page.links))
            item = page.item(url)
            if item and self._wanted.want(name_of(url)):
                yield item

    async def _first_level(self, site: Site) -> list[str]:
        listed = [page async for page in sitemap_pages(self._client, self._settings.sitemaps, self._pace)]
        return [site.start, *listed] if self._settings.crawl else listed

    async def _site(self, robots: Robots) -> Site:
        prefix = self._settings.path_prefix
        if not self._settings.crawl:
            return site_of(self._start, prefix)
        if not robots.allow(self._start):
            raise SourceRefused("The website's robots.txt does not allow this address to be read.")
        async with aclosing(await self._answer(self._start)) as reply:
            _assert_open(reply)
            return site_of(reply.url, prefix)

    async def _answer(self, url: str) -> Reply:
        here = site_of(self._start, "/")
        for _ in range(_MAX_REDIRECTS + 1):
            await self._pace.turn()
            reply = await self._client.ask(url)
            target = reply.redirect
            if target is None:
                return reply
            await reply.aclose()
            if not here.holds(target):
                raise SourceRefused(f"The website leads to another one: {target}. Use that address.")
            url = target
        raise SourceRefused("The website's address leads round in circles.")


def _sweep(folder: Path) -> None:
    """Remove what runs left that were killed."""
    for left in folder.glob(f"{_RUN}*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - _CRASHED_AFTER_S:
                shutil.rmtree(left, ignore_errors=True)


def _assert_open(reply: Reply) -> None:
    if is_trouble(reply.status):
        raise SourceUnavailable(f"The website answers with status {reply.status}.")
    if reply.status != HTTPStatus.OK:
        raise SourceRefused(f"The website answers with status {reply.status}.")


def _assert_there(reply: Reply) -> None:
    if reply.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise ItemGone
    _assert_open(reply)
