"""A website on 127.0.0.1 whose pages a test sets, and that remembers what it was asked."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.serving import serving


@dataclass
class Page:
    body: bytes = b""
    content_type: str = "text/html"
    status: int = 200
    etag: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class ServedSite:
    """`pages` by path, query included; `asked` are path and headers of every request."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, body: str | bytes = b"", **options: object) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.pages[path] = Page(body=content, **options)  # type: ignore[arg-type]

    def redirect(self, path: str, target: str) -> None:
        self.put(path, status=302, headers={"Location": target})

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def links(*targets: str) -> str:
    """Return a page with links."""
    return "<html><body>" + "".join(f'<a href="{target}">x</a>' for target in targets) + "</body></html>"


def packed(text: str) -> bytes:
    return gzip.compress(text.encode())


@contextmanager
def served_site() -> Iterator[ServedSite]:
    """Serve a site until the end of the block."""
    site = ServedSite()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            page = site.pages.get(self.path, Page(body=b"none here", status=404))
            is_same = page.etag and self.headers.get("If-None-Match") == page.etag
            self.send_response(304 if is_same else page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            if page.etag:
                self.send_header("ETag", page.etag)
            body = b"" if is_same else page.body
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name in the base class)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield site
