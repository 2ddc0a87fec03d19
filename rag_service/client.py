"""Our own HTTP API, as Python calls: for the command line, for evaluation and for scripts.

Every failure is an `ApiError`, with the service's own message and a hint what to do.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx

from rag_service.errors import RagError

Json = dict[str, Any]

ADVICE: dict[int, str] = {
    401: "Give a working key: --key, RAGCTL_KEY, or a --key-file such as admin.key in the data folder.",
    404: "Check the name, and that the key may see it; `rag corpus list` shows what it can.",
    413: "Split the file, or raise the limit in the service's settings.",
    429: "The service is busy; wait a little and try again.",
    503: "A part of the service is starting or down; /readyz says which.",
}
_UNREACHABLE = "Is the service running there? `rag serve` starts it; --url says where it is."
_BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_ATTEMPTS = 5
_MAX_PAUSE_S = 10.0
# Below the five seconds after which uvicorn closes an idle connection, so that none is reused while it dies.
_KEEPALIVE_S = 3.0


class ApiError(RagError):
    """The service refused, or could not be reached (`status` None)."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.advice = advice


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """How far the documents of a corpus are. Completed means published."""

    in_progress: int
    completed: int
    failed: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """First event of an answer: what was found."""

    x_rag: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A verified piece of the answer and its citations."""

    text: str
    citations: list[Json] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Last event: `x_rag` holds status, reason and timings."""

    x_rag: Json


AskEvent = Sources | Unit | Ended


class Client:
    """A connection to the service at `base_url`. One client may be used by several threads."""

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

    def is_ready(self) -> bool:
        """Say whether every part of the service works."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def health(self) -> Json:
        """Return what /readyz says, ready or not."""
        return _body(self._reach(lambda: self._http.get("/readyz")))

    def models(self) -> list[Json]:
        """Return the corpora that can be asked."""
        return list(self._call("GET", "/v1/models")["data"])

    def corpora(self) -> list[Json]:
        """Return the corpora the key may see."""
        return list(self._pages("/v1/vector_stores", {}))

    def corpus(self, ref: str) -> Json:
        """Return a corpus by id or name."""
        return self._call("GET", f"/v1/vector_stores/{_segment(ref)}")

    def create_corpus(self, name: str) -> Json:
        """Create a corpus; a name that is taken is an error."""
        return self._call("POST", "/v1/vector_stores", json={"name": name})

    def ensure_corpus(self, name: str) -> Json:
        """Return the corpus `name`, created when there is none."""
        try:
            return self.corpus(name)
        except ApiError as exc:
            if exc.status != httpx.codes.NOT_FOUND:
                raise
            return self.create_corpus(name)

    def upload_file(self, content: Path | bytes, filename: str = "") -> Json:
        """Upload raw bytes; a path is streamed, not read into memory."""

        def send() -> httpx.Response:
            if isinstance(content, bytes):
                return self._post_file(content, filename)
            with content.open("rb") as opened:
                return self._post_file(opened, filename or content.name)

        return self._checked(send)

    def add_file(
        self,
        corpus: str,
        file_id: str,
        attributes: Mapping[str, str | float | bool] | None = None,
        principals: Sequence[str] = (),
    ) -> Json:
        """Make an uploaded file a document of a corpus, visible to `principals` (empty: everyone)."""
        body: Json = {"file_id": file_id, "attributes": dict(attributes or {})}
        if principals:
            body["principals"] = list(principals)
        return self._call("POST", f"/v1/vector_stores/{_segment(corpus)}/files", json=body)

    def import_rows(self, corpus: str, rows: Sequence[bytes], principals: Sequence[str] = ()) -> list[Json]:
        """Make each row, a line of JSON {id, title, text}, a document of a corpus; the same row changes nothing."""
        path = f"/v1/corpora/{_segment(corpus)}/rows"
        return list(self._call("POST", path, content=b"\n".join(rows), params={"principal": list(principals)})["data"])

    def files(self, corpus: str, *, status: str | None = None) -> Iterator[Json]:
        """Yield the documents of a corpus; `status` is in_progress, completed or failed."""
        yield from self._pages(f"/v1/vector_stores/{_segment(corpus)}/files", {"filter": status} if status else {})

    def counts(self, corpus: str) -> FileCounts:
        """Return how far the documents of a corpus are."""
        counts = self.corpus(corpus)["file_counts"]
        return FileCounts(**{name: int(counts[name]) for name in FileCounts.__slots__})

    def wait_until_done(
        self, corpus: str, progress: Callable[[FileCounts], None] = lambda _: None, *, poll_s: float = 1.0
    ) -> FileCounts:
        """Wait until no document of the corpus is in progress; `progress` hears every look."""
        while (counts := self.counts(corpus)).in_progress:
            progress(counts)
            time.sleep(poll_s)
        progress(counts)
        return counts

    def search(self, corpus: str, query: str, *, limit: int = 10) -> list[Json]:
        """Return the best passages, best first."""
        body = {"query": query, "max_num_results": limit}
        return list(self._call("POST", f"/v1/vector_stores/{_segment(corpus)}/search", json=body)["data"])

    def ask(self, corpus: str, question: str) -> Json:
        """Return the whole answer, as a chat completion."""
        return self._call("POST", "/v1/chat/completions", json=_chat(corpus, question, stream=False))

    def ask_stream(self, corpus: str, question: str) -> Iterator[AskEvent]:
        """Yield the answer as it is verified."""
        request = self._http.build_request(
            "POST",
            "/v1/chat/completions",
            json=_chat(corpus, question, stream=True),
            headers={"accept": "text/event-stream"},
        )
        response = self._reach(lambda: self._http.send(request, stream=True))
        try:
            if not response.is_success:
                response.read()
                raise _refusal(response)
            for chunk in self._chunks(response):
                yield from _events(chunk)
        finally:
            response.close()

    def keys(self) -> list[Json]:
        """Return the tenant's keys, without their secrets."""
        return list(self._pages("/v1/keys", {}))

    def create_key(self, **wanted: object) -> Json:
        """Create a key (name, permissions, principals, corpora, expires_at); the reply holds its secret, once."""
        return self._call("POST", "/v1/keys", json={name: value for name, value in wanted.items() if value is not None})

    def revoke_key(self, key_id: str) -> Json:
        """Make a key stop working."""
        return self._call("DELETE", f"/v1/keys/{_segment(key_id)}")

    def login_link(self) -> str:
        """Return an address that signs a browser in, once."""
        return str(self._call("POST", "/v1/login-links")["url"])

    def _post_file(self, content: bytes | IO[bytes], filename: str) -> httpx.Response:
        form: Json = {"data": {"purpose": "assistants"}, "files": {"file": (filename, content)}}
        request = self._http.build_request("POST", "/v1/files", **form)
        if isinstance(content, bytes):
            # Joined, since a form is sent piece by piece and each piece is a system call: rows come by the thousand.
            request.read()
        return self._http.send(request)

    def _call(self, method: str, path: str, **options: Any) -> Json:
        return self._checked(lambda: self._http.request(method, path, **options))

    def _pages(self, path: str, params: Json) -> Iterator[Json]:
        cursor: Json = {}
        while True:
            page = self._call("GET", path, params={"limit": 100, **params, **cursor})
            yield from page["data"]
            if not page.get("has_more"):
                return
            cursor = {"after": page["last_id"]}

    def _checked(self, send: Callable[[], httpx.Response]) -> Json:
        for attempt in range(1, _ATTEMPTS):
            response = self._reach(send)
            if response.status_code not in _BUSY:
                break
            time.sleep(_pause_s(response, attempt))
        else:
            response = self._reach(send)
        if not response.is_success:
            raise _refusal(response)
        return _body(response)

    def _reach(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return send()
        except httpx.TransportError as exc:
            raise self._unreachable(exc) from exc

    def _chunks(self, response: httpx.Response) -> Iterator[Json]:
        try:
            for line in response.iter_lines():
                if line.startswith("data:") and line.removeprefix("data:").strip() != "[DONE]":
                    yield json.loads(line.removeprefix("data:"))
        except httpx.TransportError as exc:
            raise self._unreachable(exc) from exc

    def _unreachable(self, exc: httpx.TransportError) -> ApiError:
        return ApiError(f"No answer from {self.base_url}: {exc or type(exc).__name__}", advice=_UNREACHABLE)


def _chat(corpus: str, question: str, *, stream: bool) -> Json:
    return {"model": corpus, "messages": [{"role": "user", "content": question}], "stream": stream}


def _segment(ref: str) -> str:
    # One path segment, whatever characters a name has.
    return "".join(c if c.isalnum() or c in "-_.~@" else "".join(f"%{byte:02X}" for byte in c.encode()) for c in ref)


def _pause_s(response: httpx.Response, attempt: int) -> float:
    try:
        wanted = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        wanted = 0.2 * 2**attempt
    return min(wanted, _MAX_PAUSE_S)


def _body(response: httpx.Response) -> Json:
    try:
        body = response.json()
    except ValueError as exc:
        raise ApiError(f"Not a reply of this service: {response.url}", advice=_UNREACHABLE) from exc
    return body if isinstance(body, dict) else {"data": body}


def _refusal(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()["error"]
        message, code = str(problem["message"]), problem.get("code")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, code = f"{response.status_code} {response.reason_phrase} from {response.url}", None
    return ApiError(message, status=response.status_code, code=code, advice=ADVICE.get(response.status_code, ""))


def _events(chunk: Json) -> Iterator[AskEvent]:
    if "error" in chunk:
        raise ApiError(str(chunk["error"].get("message", "The answer broke off.")), code=chunk["error"].get("code"))
    x_rag = chunk.get("x_rag") or {}
    if x_rag.get("sources") is not None and not x_rag.get("status"):
        yield Sources(x_rag=x_rag)
    for choice in chunk.get("choices", []):
        delta = choice.get("delta", {})
        if delta.get("content"):
            yield Unit(text=delta["content"], citations=list(delta.get("citations") or []))
        if choice.get("finish_reason"):
            yield Ended(x_rag=x_rag)
