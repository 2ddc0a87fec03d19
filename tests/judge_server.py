"""A judge on this machine: an OpenAI-compatible server that answers as it is told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving

_HANG_S = 600.0
_NONSENSE = "Well, I would say {that it"


class Mood(StrEnum):
    """How the judge answers."""

    VALID = "valid"
    EMPTY = "empty"
    MALFORMED = "malformed"
    HANGING = "hanging"
    BROKEN = "broken"


class JudgeServer(ThreadingHTTPServer):
    """Answers what each prompt's schema asks for: every list has one item, every number is `verdict` of the prompt.

    Without a verdict it talks nonsense. `answers` come before that, by the title of the schema: from what was asked to what
    is answered. `asked` has the bodies.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mood = Mood.VALID
        self.verdict: Callable[[str], int | None] = lambda _prompt: 1
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Callable[[str], Any]] = {}
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def judge_server() -> Iterator[JudgeServer]:
    """Serve until the block ends."""
    with serving(JudgeServer()) as server:
        try:
            yield server
        finally:
            server.closing.set()


class _Handler(BaseHTTPRequestHandler):
    server: JudgeServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body | {"headers": dict(self.headers)})
        match self.server.mood:
            case Mood.HANGING:
                self.server.closing.wait(_HANG_S)
                self.close_connection = True
            case Mood.BROKEN:
                self._reply(500, {"error": {"message": "out of order"}})
            case Mood.MALFORMED:
                self._reply(200, _completion(_NONSENSE))
            case mood:
                self._reply(200, _completion(self._answer(body, is_empty=mood is Mood.EMPTY)))

    def _answer(self, body: dict[str, Any], *, is_empty: bool) -> str:
        schema, prompt = _schema_of(body), "\n".join(message["content"] for message in body["messages"])
        if (answer := self.server.answers.get(schema.get("title", ""))) is not None:
            return json.dumps(answer(prompt))
        verdict = self.server.verdict(prompt)
        return _NONSENSE if verdict is None else json.dumps(_Filling(schema, number=verdict, is_empty=is_empty).of())

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "judge",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _schema_of(body: dict[str, Any]) -> dict[str, Any]:
    """The schema that Instructor writes into the first message."""
    text = next(message["content"] for message in body["messages"] if '"properties"' in message["content"])
    schema: dict[str, Any]
    schema, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    return schema


@dataclass(frozen=True)
class _Filling:
    """Fills a schema."""

    root: dict[str, Any]
    number: int | None
    is_empty: bool

    def of(self, schema: dict[str, Any] | None = None) -> Any:
        schema = schema or self.root
        if "$ref" in schema:
            return self.of(self.root["$defs"][schema["$ref"].rpartition("/")[2]])
        match schema.get("type"):
            case "object":
                return {name: self.of(part) for name, part in schema["properties"].items()}
            case "array":
                return [] if self.is_empty else [self.of(schema["items"])]
            case "integer" | "number":
                return self.number
            case "boolean":
                return True
            case _:
                return "Where is it?"
