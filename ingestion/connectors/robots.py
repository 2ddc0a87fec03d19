"""What a website's robots.txt allows, after RFC 9309."""

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from http import HTTPStatus
from urllib.parse import urljoin

from protego import Protego

from ingestion.connectors.web_client import USER_AGENT, WebClient, is_trouble
from rag_service.errors import SourceUnavailable, TooLarge

_MAX_BYTES = 512 * 2**10
_MAX_REDIRECTS = 5
_LONGEST_DELAY_S = 60.0


class Robots:
    """The rules for our requests to one host."""

    def __init__(self, text: str) -> None:
        self._rules = Protego.parse(text)

    def allow(self, url: str) -> bool:
        """Say whether a page may be asked for."""
        return bool(self._rules.can_fetch(url, USER_AGENT))

    @property
    def delay_s(self) -> float:
        """The pause that the host wants between requests, a minute at most."""
        return min(float(self._rules.crawl_delay(USER_AGENT) or 0), _LONGEST_DELAY_S)


async def read_robots(client: WebClient, origin: str) -> Robots:
    """Return the rules of the host at `origin`; it allows all when it has none.

    Raises:
        SourceUnavailable: the host is in trouble, so that nothing may be asked for until its rules are known.
    """
    url: str | None = urljoin(origin, "/robots.txt")
    for _ in range(_MAX_REDIRECTS + 1):
        if url is None:
            break
        async with aclosing(await client.ask(url, max_bytes=_MAX_BYTES)) as reply:
            if is_trouble(reply.status):
                raise SourceUnavailable(f"The website's robots.txt answers with status {reply.status}.")
            if reply.redirect is None:
                return Robots(await _text(reply.body()) if reply.status == HTTPStatus.OK else "")
            url = reply.redirect
    return Robots("")


async def _text(body: AsyncIterator[bytes]) -> str:
    read = b""
    # The standard asks for the first half megabyte, whatever follows.
    with suppress(TooLarge):
        async for piece in body:
            read += piece
    return read.decode("utf-8", "replace")
