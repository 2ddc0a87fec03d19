"""A language model on this machine that does as its prompt says: an OpenAI-compatible server which streams.

It knows some facts by the question that asks for them. Shown a passage that states the fact, it says so with the passage's
mark. Shown none, it writes NO_ANSWER where its rules ask for that; rules that do not let it guess, and it does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving

_PASSAGE = re.compile(r'<passage number="(\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)
_INVENTED = "It has been so since the spring of 1987."


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, facts: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.facts = facts


@contextmanager
def obedient_model(facts: Mapping[str, str]) -> Iterator[str]:
    """Serve a model that knows these facts by question until the block ends; yield its base URL."""
    with serving(_Server(facts)) as server:
        yield f"http://127.0.0.1:{server.server_port}/v1"


def written(rules: str, asked: str, facts: Mapping[str, str]) -> str:
    """Return what the model writes."""
    passages = _PASSAGE.findall(asked)
    fact = facts.get(_QUESTION.findall(asked)[-1])
    for number, text in passages:
        if fact and fact in text:
            return f"{fact} [{number}]"
    if "NO_ANSWER" in rules:
        return "NO_ANSWER"
    number, text = passages[0]
    return f"{_INVENTED} [{number}]\n{text.splitlines()[-1]} [{number}]"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        first, *_, last = (message["content"] for message in body["messages"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in (_event(written(first, last, self.server.facts)), "[DONE]"):
            self.wfile.write(f"data: {event}\n\n".encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _event(text: str) -> str:
    choice: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps(
        {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "obedient", "choices": [choice]}
    )
