"""Pages of a site, level by level."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from ingestion.connectors.content_types import may_be_document
from ingestion.connectors.globs import Globs
from ingestion.connectors.page_memory import SeenPage
from ingestion.connectors.page_visit import PageVisits, Visited
from ingestion.connectors.urls import Site, name_of
from rag_service.domain.sources import WebsiteSource
from rag_service.errors import SourceRefused

_ADDRESSES_PER_PAGE = 10
_MOST_KEPT_BYTES = 2**30


class Crawl:
    """Asks for every address once; `seen` are the pages so far."""

    def __init__(
        self,
        visits: PageVisits,
        *,
        site: Site,
        settings: WebsiteSource,
        before: Mapping[str, SeenPage],
        known: Mapping[str, str],
        max_pages: int,
    ) -> None:
        self.seen: dict[str, SeenPage] = {}
        self._asked: set[str] = set()
        self._visits = visits
        self._site = site
        self._settings = settings
        self._not_excluded = Globs(include=(), exclude=settings.exclude)
        self._before = before
        self._known = known
        self._max_pages = max_pages
        self._room_bytes = _MOST_KEPT_BYTES
        self._hides_links = False

    async def level(self, urls: Iterable[str]) -> AsyncIterator[tuple[str, SeenPage]]:
        """Yield the pages at `urls`, in their order, and those they are moved to.

        Raises:
            SourceRefused: there are more pages than the settings allow.
        """
        waiting = self._new(urls)
        while waiting:
            batch, waiting = waiting[: self._settings.concurrency], waiting[self._settings.concurrency :]
            self._asked.update(batch)
            for url, visited in zip(batch, await self._all(batch), strict=True):
                if visited.moved_to:
                    waiting += [target for target in self._new([visited.moved_to]) if target not in waiting]
                self._hides_links |= visited.hides_links
                if visited.page:
                    # What was not seen is not remembered: without its links, it would be taken to have none.
                    if not visited.hides_links:
                        self._remember(url, visited.page)
                    yield url, visited.page
            self._assert_within_limits()

    def unreached(self) -> list[str]:
        """Return known pages to which nothing led, when a page that could have led there answers with an error."""
        return [url for url in self._known if url not in self._asked] if self._hides_links else []

    async def _all(self, urls: Iterable[str]) -> list[Visited]:
        visits = (self._visits.visit(url, self._before.get(url), known=self._known.get(url)) for url in urls)
        # Waits for all, so that none goes on alone after one has failed.
        results = await asyncio.gather(*visits, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, Visited)]

    def _new(self, urls: Iterable[str]) -> list[str]:
        return [
            url
            for url in dict.fromkeys(urls)
            if url not in self._asked
            and self._site.holds(url)
            and may_be_document(url)
            and self._not_excluded.want(name_of(url))
        ]

    def _remember(self, url: str, page: SeenPage) -> None:
        self.seen[url] = page
        self._room_bytes -= page.size_bytes or 0
        if self._room_bytes < 0 or not page.is_document or self._known.get(url) == page.revision:
            self._visits.forget_body(url)

    def _assert_within_limits(self) -> None:
        most = self._max_pages
        if len(self.seen) > most or len(self._asked) > _ADDRESSES_PER_PAGE * most:
            # A listing cut off here would look like deletions of the rest.
            raise SourceRefused(f"The website has more than {most} pages. Narrow it by path or depth, or allow more.")
