"""Requests for pages: checked addresses, no hidden redirects, bounded time and bounded bytes after decompression."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpcore

from ingestion.connectors.addresses import GuardedAsyncBackend, Resolve, resolved
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.urls import normalised
from rag_service.errors import SourceUnavailable, TooLarge

USER_AGENT = "rag-service"
_PIECE_BYTES = 2**16
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAILURES = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The head of an answer; its body is read at most once."""

    url: str
    status: int
    headers: Mapping[str, str]
    response: httpcore.Response
    max_bytes: int
    deadline: float

    @property
    def redirect(self) -> str | None:
        """The address that this one leads to, whoever's it is."""
        target = self.headers.get("location", "") if self.status in REDIRECTS else ""
        return normalised(target, base=self.url) if target else None

    @property
    def size_bytes(self) -> int | None:
        """The size that the server names, of a body that is sent as it is."""
        size = self.headers.get("content-length", "")
        return int(size) if size.isdecimal() and not self.headers.get("content-encoding") else None

    async def aclose(self) -> None:
        """Free the connection."""
        await self.response.aclose()

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the unpacked body.

        Raises:
            SourceUnavailable: the server breaks off.
            TooLarge: it is larger than the limit.
        """
        left = self.max_bytes
        try:
            async for piece in self._unpacked():
                left -= len(piece)
                if left < 0:
                    raise TooLarge("The page is larger than the limit.")
                yield piece
        except (*_FAILURES, zlib.error) as exc:
            raise SourceUnavailable("The website broke off in the middle of a page.") from exc

    async def _unpacked(self) -> AsyncIterator[bytes]:
        match self.headers.get("content-encoding", "identity").strip().lower():
            case "identity" | "":
                async for piece in self._arriving():
                    yield piece
            case "gzip" | "x-gzip":
                async for piece in unzipped(self._arriving()):
                    yield piece
            case _:
                raise SourceUnavailable("The website packs its pages in a way that was not asked for.")

    async def _arriving(self) -> AsyncIterator[bytes]:
        async for piece in self.response.aiter_stream():
            if time.monotonic() > self.deadline:
                raise SourceUnavailable("A page of the website took longer than the limit.")
            yield piece


async def unzipped(packed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the content of a gzip stream in pieces of bounded size; a bomb grows no faster than it is read."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    async for piece in packed:
        rest = piece
        while rest and not unpacker.eof:
            content = unpacker.decompress(rest, _PIECE_BYTES)
            rest = unpacker.unconsumed_tail
            if content:
                yield content
    if not unpacker.eof:
        raise zlib.error("the stream has no end")


class WebClient:
    """Asks one address at a time and follows nothing; credentials go to the host of `authorised_origin` only."""

    def __init__(
        self,
        limits: SourceLimits,
        *,
        authorisation: str = "",
        authorised_origin: str = "",
        resolve: Resolve = resolved,
    ) -> None:
        self._limits = limits
        self._authorisation = authorisation
        self._authorised = _origin(authorised_origin)
        self._pool = httpcore.AsyncConnectionPool(
            network_backend=GuardedAsyncBackend(allow_private=limits.allow_private, resolve=resolve)
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    async def ask(self, url: str, headers: Mapping[str, str] | None = None, *, max_bytes: int | None = None) -> Reply:
        """Ask for a normalised address; whoever asks closes the reply.

        Raises:
            SourceUnavailable: there is no answer, or none in time.
            SourceRefused: sources may not connect to this host.
        """
        response = await self._response(url, headers or {})
        return Reply(
            url=url,
            status=response.status,
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers},
            response=response,
            max_bytes=self._limits.max_item_bytes if max_bytes is None else max_bytes,
            deadline=time.monotonic() + self._limits.listing_timeout_s,
        )

    async def _response(self, url: str, headers: Mapping[str, str]) -> httpcore.Response:
        sent = {"Host": urlsplit(url).netloc, "User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **headers}
        if self._authorisation and _origin(url) == self._authorised:
            sent["Authorization"] = self._authorisation
        wait_s = self._limits.request_timeout_s
        request = httpcore.Request(
            "GET",
            url,
            headers=list(sent.items()),
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), wait_s)},
        )
        try:
            # Bounds a server that sends its headers one byte at a time.
            async with asyncio.timeout(2 * wait_s):
                return await self._pool.handle_async_request(request)
        except _FAILURES as exc:
            raise SourceUnavailable("The website cannot be reached, or does not answer in time.") from exc


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def is_trouble(status: int) -> bool:
    """Say whether a status means that asking again can help."""
    return status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500  # noqa: PLR2004
