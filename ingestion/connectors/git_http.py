"""Git over HTTP with our own connections: checked addresses, one host, counted bytes, and credentials for that host only."""

import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore
from dulwich.client import AbstractHttpGitClient

from ingestion.connectors.addresses import GuardedBackend
from ingestion.connectors.credentials import authorisation
from ingestion.connectors.limits import SourceLimits
from rag_service.errors import SourceRefused, SourceUnavailable

_MOST_IN_MEMORY_BYTES = 128 * 2**20
_UNPACKED_PER_BYTE = 10
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USER_AGENT = "git/2.45 (rag-service)"  # some hosts show git repositories to git only


class GuardedGitClient(AbstractHttpGitClient):
    """Fetches from one repository; whatever else its server points to is refused."""

    def __init__(self, url: str, credentials: Mapping[str, str], limits: SourceLimits) -> None:
        super().__init__(url, quiet=True)
        # Most hosts take any user with a token and some refuse a bearer; this name works with all of the large ones.
        self._authorisation = authorisation(credentials, token_user="oauth2")  # noqa: S106  (a user, no password)
        self._origin = urlsplit(url)
        self._limits = limits
        self._deadline = time.monotonic() + limits.listing_timeout_s
        self._pool = httpcore.ConnectionPool(network_backend=GuardedBackend(allow_private=limits.allow_private))

    @property
    def max_blob_bytes(self) -> int:
        """The largest file that is fetched: the library holds a file in memory several times over."""
        return min(self._limits.max_item_bytes, _MOST_IN_MEMORY_BYTES)

    @property
    def max_unpacked_bytes(self) -> int:
        """The size of all that one fetch unpacks to."""
        return _UNPACKED_PER_BYTE * self._limits.max_repository_bytes

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        reply = self._reply(url, headers or {}, data)
        for _ in range(_MAX_REDIRECTS):
            target = reply.location if data is None else ""
            if not target:
                break
            reply.close()
            reply = self._reply(urljoin(reply.url, target), headers or {}, None)
        reply.redirect_location = reply.url if reply.url != url else ""
        self._assert_git(reply)
        return reply, reply.read

    def _reply(self, url: str, headers: dict[str, str], data: bytes | Iterator[bytes] | None) -> "_Reply":
        self._assert_same_host(urlsplit(url))
        sent = {**headers, "User-Agent": _USER_AGENT}
        if self._authorisation:
            sent["Authorization"] = self._authorisation
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), self._limits.request_timeout_s)
        request = httpcore.Request(
            "GET" if data is None else "POST",
            url,
            headers=_with_host(sent, url),
            content=data,
            extensions={"timeout": timeout},
        )
        response = self._pool.handle_request(request)
        return _Reply(url, response, max_bytes=self._limits.max_repository_bytes, deadline=self._deadline)

    def _assert_same_host(self, parts: SplitResult) -> None:
        # A redirect to http would send the credentials in the open.
        if parts.hostname != self._origin.hostname or parts.scheme not in {self._origin.scheme, "https"}:
            raise SourceRefused("The repository's address leads to another host. Use the address it leads to.")

    def _assert_git(self, reply: "_Reply") -> None:
        if reply.status == HTTPStatus.OK and reply.content_type.startswith("application/x-git-"):
            return
        reply.close()
        if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise SourceRefused("The repository lets nobody in with these credentials.")
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise SourceUnavailable(f"The repository's server answers with status {reply.status}.")
        raise SourceRefused("There is no git repository at this address, or only with other credentials.")


class _Reply:
    """What dulwich reads of a response."""

    def __init__(self, url: str, response: httpcore.Response, *, max_bytes: int, deadline: float) -> None:
        self.url = url
        self.status = response.status
        self.redirect_location = ""
        self._headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        self._response = response
        self._pieces = iter(response.iter_stream())
        self._buffer = bytearray()
        self._left = max_bytes
        self._deadline = deadline

    @property
    def content_type(self) -> str:
        return self._headers.get(b"content-type", "")

    @property
    def location(self) -> str:
        return self._headers.get(b"location", "") if self.status in _REDIRECTS else ""

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, and fewer at the end only; all that is left when negative."""
        while (size < 0 or len(self._buffer) < size) and (piece := next(self._pieces, b"")):
            self._buffer += self._counted(piece)
        taken = bytes(self._buffer if size < 0 else self._buffer[:size])
        del self._buffer[: len(taken)]
        return taken

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise SourceRefused("The repository is larger than the limit.")
        if time.monotonic() > self._deadline:
            raise SourceUnavailable("The repository took longer than the limit.")
        return piece

    def close(self) -> None:
        self._response.close()


def _with_host(headers: dict[str, str], url: str) -> list[tuple[str, str]]:
    return [("Host", urlsplit(url).netloc), *headers.items()]
