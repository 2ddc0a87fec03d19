"""A small service with canned replies, for the command line."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from click.testing import CliRunner, Result

from rag_service.cli import main
from tests.serving import serving

CITATION = {
    "number": 2, "document_id": "d", "char_start": 0, "char_end": 4, "filename": "guide.pdf", "page": 3, "quote": "It is blue.",
}  # fmt: skip


class CannedService(ThreadingHTTPServer):
    """Knows one corpus, `handbook`, and remembers what was put into it. `replies` come before anything else."""

    daemon_threads = True
    # Handlers sit on kept-alive connections; nobody waits for them at the end.
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.replies: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.corpora = {"handbook"}
        self.added: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.failed: list[dict[str, Any]] = []
        self.keys_seen: set[str] = set()
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.status = "answered"
        self.told: dict[str, Any] = {}

    def reply(  # noqa: C901, PLR0911, PLR0912  (a table of routes)
        self, method: str, path: str, body: dict[str, Any], query: str = ""
    ) -> tuple[int, Any]:
        canned = self.replies.get((method, path))
        if canned:
            return canned.pop(0)
        match method, path.strip("/").split("/")[1:]:
            case "POST", ["files"]:
                return 200, {"id": f"file-{threading.get_ident()}"}
            case "POST", ["vector_stores"]:
                self.corpora.add(body["name"])
                return 200, self.store(body["name"])
            case "GET", ["vector_stores"]:
                return 200, {"data": [self.store(name) for name in sorted(self.corpora)], "has_more": False}
            case "GET", ["vector_stores", name] if name in self.corpora:
                return 200, self.store(name)
            case "POST", ["vector_stores", _, "files"]:
                self.added.append(body)
                return 200, {"id": f"file-{len(self.added)}"}
            case "POST", ["vector_stores", _, "file_batches"]:
                return 200, {"id": "vsfb_1"}
            case "POST", ["corpora", _, "rows"]:
                added = [{"attributes": {"document_key": row["id"]}} for row in body["rows"]]
                self.added += added
                return 200, {"data": [{"id": f"file-{row['id']}", "document_key": row["id"]} for row in body["rows"]]}
            case "GET", ["vector_stores", _, "files"]:
                files = self.failed if "filter=failed" in query else [*self.files, *self.failed]
                return 200, {"data": files, "has_more": False}
            case "POST", ["vector_stores", _, "search"]:
                return 200, {"data": [{"filename": "a.md", "score": 0.5, "content": [{"text": body["query"]}]}]}
            case "POST", ["chat", "completions"]:
                return 200, self.chunks() if body["stream"] else self.completion()
            case "POST", ["keys"]:
                return 200, {"id": "key_1", "secret": "s3cret", **body}
            case "GET", ["keys"]:
                return 200, {"data": [{"id": "key_1", "name": "ann", "permissions": ["chat"]}], "has_more": False}
            case "DELETE", ["keys", key_id]:
                return 200, {"id": key_id, "revoked_at": 1}
            case "POST", ["login-links"]:
                return 200, {"url": "http://x/login?token=t"}
        return 404, {"error": {"message": f"No such thing: {path}", "code": "not_found"}}

    def store(self, name: str) -> dict[str, Any]:
        counts = {"in_progress": 0, "completed": len(self.added), "failed": len(self.failed), "total": len(self.added)}
        counts["total"] += len(self.files)
        return {"id": f"vs_{name}", "name": name, "file_counts": counts, "version": 3}

    def completion(self) -> dict[str, Any]:
        message = {"content": "It is blue. [2]", "citations": [CITATION]}
        return {"choices": [{"message": message}], "x_rag": {"status": self.status}}

    def chunks(self) -> list[dict[str, Any]]:
        return [
            {"choices": [{"delta": {"role": "assistant", "content": ""}}], "x_rag": {"sources": []}},
            {"choices": [{"delta": {"content": "It is blue. [2]", "citations": [CITATION]}}]},
            {"choices": [{"delta": {}, "finish_reason": "stop"}], "x_rag": {"status": self.status} | self.told},
        ]


class _Handler(BaseHTTPRequestHandler):
    server: CannedService
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.keys_seen.add(self.headers.get("authorization", ""))
        path, _, query = self.path.partition("?")
        if path.endswith("/rows"):
            sent_body: dict[str, Any] = {"rows": [json.loads(line) for line in content.splitlines()]}
        else:
            is_json = self.headers.get("content-type") == "application/json"
            sent_body = json.loads(content) if is_json else {}
        self.server.asked.append((self.command, self.path, sent_body))
        status, body = self.server.reply(self.command, path, sent_body, query)
        if isinstance(body, list):
            sent = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in body) + "data: [DONE]\n\n"
        else:
            sent = body if isinstance(body, str) else json.dumps(body)
        self.send_response(status)
        self.send_header("content-length", str(len(sent.encode())))
        self.end_headers()
        self.wfile.write(sent.encode())


@contextmanager
def running() -> Iterator[CannedService]:
    with serving(CannedService()) as server:
        yield server


def rag(service: CannedService, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--url", service.url, "--key", "k"])
