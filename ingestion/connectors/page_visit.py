"""One page of a website: asked for, or found unchanged."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from ingestion.connectors.content_types import HTML, ending_of
from ingestion.connectors.links import MAX_HTML_BYTES, PageLinks, read_links
from ingestion.connectors.pace import Pace
from ingestion.connectors.page_memory import SeenPage
from ingestion.connectors.robots import Robots
from ingestion.connectors.urls import Site, filename_of
from ingestion.connectors.web_client import Reply, WebClient, is_trouble
from rag_service.errors import SourceRefused, SourceUnavailable, TooLarge

_ATTEMPTS = 3
_LONGEST_WAIT_S = 60.0
_FORBIDDEN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_WHOLE_SITE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """What asking for an address came to: a page, another address to ask instead, or neither.

    `hides_links`: it answered with an error, and where it leads is not known from before either.
    """

    page: SeenPage | None = None
    moved_to: str | None = None
    hides_links: bool = False


class PageVisits:
    """Asks for pages of one site; `folder` takes the bodies that had to be read, so that they are not sent twice."""

    def __init__(
        self, client: WebClient, *, site: Site, robots: Robots, pace: Pace, folder: Path, retry_wait_s: float
    ) -> None:
        self._client = client
        self._site = site
        self._robots = robots
        self._pace = pace
        self._folder = folder
        self._retry_wait_s = retry_wait_s

    def forget_body(self, url: str) -> None:
        """Remove the body of a page that nobody will fetch, or for which there is no room."""
        body_file(self._folder, url).unlink(missing_ok=True)

    async def visit(self, url: str, before: SeenPage | None, *, known: str | None) -> Visited:
        """Return what is at `url`; `before` is what was there when it was last seen, and still is when nothing changed.

        `known` is the revision that was brought of it, None when there is none.

        Raises:
            SourceUnavailable: the site is in trouble, so that what it holds cannot be told.
            SourceRefused: it does not let us in any more.
        """
        if not self._robots.allow(url):
            return Visited()
        try:
            reply = await self._answer(url, _conditions(before))
        except _BrokenPageError:
            # A page that always fails must neither stop the whole site nor look deleted.
            return _as_before(url, before, known)
        async with aclosing(reply):
            if reply.status in _FORBIDDEN:
                await self._assert_let_in()
            return await self._seen(reply, before)

    async def _answer(self, url: str, headers: Mapping[str, str]) -> Reply:
        for attempt in range(1, _ATTEMPTS + 1):
            await self._pace.turn()
            try:
                reply = await self._client.ask(url, headers)
            except SourceUnavailable:
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(self._retry_wait_s * attempt)
                continue
            if not is_trouble(reply.status):
                return reply
            await reply.aclose()
            if attempt < _ATTEMPTS:
                await asyncio.sleep(_wanted_wait_s(reply) or self._retry_wait_s * attempt)
        if reply.status in _WHOLE_SITE:
            raise SourceUnavailable(f"The website answers with status {reply.status}.")
        raise _BrokenPageError

    async def _assert_let_in(self) -> None:
        # One page may have become private; when all have, they are not deleted but we are locked out.
        await self._pace.turn()
        async with aclosing(await self._client.ask(self._site.start)) as reply:
            if reply.status in _FORBIDDEN:
                raise SourceRefused("The website lets nobody in with these credentials.")

    async def _seen(self, reply: Reply, before: SeenPage | None) -> Visited:
        if reply.status == HTTPStatus.NOT_MODIFIED and before is not None:
            return Visited(page=before, moved_to=before.canonical)
        if target := reply.redirect:
            return Visited(moved_to=target if self._site.holds(target) else None)
        ending = ending_of(reply.headers.get("content-type", ""), reply.url) if reply.status == HTTPStatus.OK else None
        if ending is None:
            return Visited()
        if ending != HTML and _validator(reply):
            return Visited(page=_unread(reply, ending))
        page = await self._read(reply, ending)
        return Visited(page=page, moved_to=page.canonical)

    async def _read(self, reply: Reply, ending: str) -> SeenPage:
        file = body_file(self._folder, reply.url)
        digest, size_bytes = hashlib.sha256(), 0
        try:
            with file.open("wb") as kept:
                async for piece in reply.body():
                    digest.update(piece)
                    size_bytes += len(piece)
                    kept.write(piece)
        except TooLarge:
            file.unlink()
            return _unread(reply, ending, size_bytes=reply.max_bytes + 1)
        said = PageLinks()
        if ending == HTML and size_bytes <= MAX_HTML_BYTES:
            said = await asyncio.to_thread(_links_in, file, reply)
        elsewhere = said.canonical if said.canonical and said.canonical != reply.url else None
        canonical = elsewhere if elsewhere and self._site.holds(elsewhere) else None
        return SeenPage(
            revision=_validator(reply) or f"sha256:{digest.hexdigest()}",
            filename=filename_of(reply.url, ending),
            is_document=said.may_be_kept and canonical is None,
            size_bytes=size_bytes,
            content_id=f"sha256:{digest.hexdigest()}",
            links=tuple(link for link in said.links if self._site.holds(link)),
            canonical=canonical,
        )


def body_file(folder: Path, url: str) -> Path:
    """Return where in the folder of a run the body of a page is, if it had to be read."""
    return folder / hashlib.sha256(url.encode()).hexdigest()


class _BrokenPageError(Exception):
    pass


def _as_before(url: str, before: SeenPage | None, known: str | None) -> Visited:
    if before is not None:
        return Visited(page=before, moved_to=before.canonical)
    page = SeenPage(revision=known, filename=filename_of(url, HTML), is_document=True) if known is not None else None
    return Visited(page=page, hides_links=True)


def _links_in(file: Path, reply: Reply) -> PageLinks:
    return read_links(file.read_bytes(), reply.url, header=reply.headers.get("x-robots-tag", ""))


def _unread(reply: Reply, ending: str, *, size_bytes: int | None = None) -> SeenPage:
    return SeenPage(
        revision=_validator(reply) or f"larger:{reply.max_bytes}",
        filename=filename_of(reply.url, ending),
        is_document=True,
        size_bytes=size_bytes or reply.size_bytes,
    )


def _validator(reply: Reply) -> str:
    if tag := reply.headers.get("etag"):
        return f"etag:{tag}"
    changed = reply.headers.get("last-modified", "")
    return f"changed:{changed}" if changed else ""


def _conditions(before: SeenPage | None) -> dict[str, str]:
    kind, _, value = before.revision.partition(":") if before else ("", "", "")
    header = {"etag": "If-None-Match", "changed": "If-Modified-Since"}.get(kind)
    return {header: value} if header else {}


def _wanted_wait_s(reply: Reply) -> float:
    wanted = reply.headers.get("retry-after", "")
    return min(float(wanted), _LONGEST_WAIT_S) if wanted.isdecimal() else 0.0
