"""A rerank endpoint on this machine, answering as vLLM, Jina and Cohere do: by the words that texts share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from rag_service.domain.words import words
from tests.serving import serving


class RerankServer(HTTPServer):
    """Answers each request with `reply`, or scores what it is sent; `bodies` and `keys` have what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.reply: object = None
        self.seen = Seen()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@dataclass
class Seen:
    """What a server was asked."""

    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def rerank_server() -> Iterator[RerankServer]:
    with serving(RerankServer()) as server:
        yield server


class _Handler(BaseHTTPRequestHandler):
    server: RerankServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.paths.append(self.path)
        self.server.seen.keys.append(self.headers["authorization"])
        self.server.seen.bodies.append(body)
        reply = _scored(body) if self.server.reply is None else self.server.reply
        content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def _scored(body: dict[str, Any]) -> dict[str, Any]:
    wanted = frozenset(words(body["query"]))
    shared = [float(len(wanted.intersection(words(text)))) for text in body["documents"]]
    best_first = sorted(range(len(shared)), key=lambda place: -shared[place])
    return {"results": [{"index": place, "relevance_score": shared[place]} for place in best_first]}
