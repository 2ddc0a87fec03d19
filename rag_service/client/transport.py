"""The connection: sending, repeating while the service is busy, and reading replies."""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from rag_service.client.errors import UNREACHABLE, ApiError, refusal

Json = dict[str, Any]

_BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_ATTEMPTS = 5
_MAX_PAUSE_S = 10.0
# Below the five seconds after which uvicorn closes an idle connection, so that none is reused while it dies.
_KEEPALIVE_S = 3.0


class Transport:
    """A connection to the service at `base_url`. One may be used by several threads."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        timeout_s: float = 60.0,
        connections: int = 16,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        limits = httpx.Limits(max_connections=connections, keepalive_expiry=_KEEPALIVE_S)
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            # A proxy of the environment must not stand between this machine and a service on it.
            transport=transport or httpx.HTTPTransport(limits=limits, retries=2),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, **options: Any) -> Json:
        return self._checked(lambda: self._http.request(method, path, **options))

    def _pages(self, path: str, params: Json | None = None) -> Iterator[Json]:
        cursor: Json = {}
        while True:
            page = self._call("GET", path, params={"limit": 100, **(params or {}), **cursor})
            yield from page["data"]
            if not page.get("has_more"):
                return
            cursor = {"after": page["last_id"]}

    def _text(self, path: str, **options: Any) -> str:
        return self._successful(lambda: self._http.request("GET", path, **options)).text

    def _checked(self, send: Callable[[], httpx.Response]) -> Json:
        return body_of(self._successful(send))

    def _successful(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        for attempt in range(1, _ATTEMPTS):
            response = self._reach(send)
            if response.status_code not in _BUSY:
                break
            time.sleep(_pause_s(response, attempt))
        else:
            response = self._reach(send)
        if not response.is_success:
            raise refusal(response)
        return response

    def _reach(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return send()
        except httpx.TransportError as exc:
            raise self._unreachable(exc) from exc

    def _unreachable(self, exc: httpx.TransportError) -> ApiError:
        return ApiError(f"No answer from {self.base_url}: {exc or type(exc).__name__}", advice=UNREACHABLE)


def segment(ref: str) -> str:
    """Return `ref` as one segment of a path, whatever characters it has."""
    return "".join(c if c.isalnum() or c in "-_.~@" else "".join(f"%{byte:02X}" for byte in c.encode()) for c in ref)


def body_of(response: httpx.Response) -> Json:
    """Return the JSON object of a reply; a list comes as its `data`."""
    try:
        body = response.json()
    except ValueError as exc:
        raise ApiError(f"Not a reply of this service: {response.url}", advice=UNREACHABLE) from exc
    return body if isinstance(body, dict) else {"data": body}


def _pause_s(response: httpx.Response, attempt: int) -> float:
    try:
        wanted = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        wanted = 0.2 * 2**attempt
    return min(wanted, _MAX_PAUSE_S)
