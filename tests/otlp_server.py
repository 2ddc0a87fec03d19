"""A receiver of traces on this machine: OTLP over HTTP, which answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from eval.otlp.receiver import Receiver
from tests.patience import PATIENCE_S
from tests.serving import serving


class OtlpServer(ThreadingHTTPServer):
    """Keeps what it got. `statuses` come before 200; `refuses` is how many spans it says that it did not take.

    `says` stands in for the reply in protobuf.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses: list[int] = []
        self.refuses = 0
        self.says: bytes | None = None
        self.hangs = False
        self.closing = threading.Event()
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.requests: list[ExportTraceServiceRequest] = []

    @property
    def spans(self) -> list[Span]:
        """All spans that arrived, as they came."""
        return [
            span
            for request in self.requests
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]


def receiver_at(url: str) -> Receiver:
    """Return what sends the figures of runs to such a server."""
    return Receiver(url=f"{url}/v1/traces", headers={}, with_content=False, timeout_s=PATIENCE_S)


@contextmanager
def otlp_server() -> Iterator[OtlpServer]:
    """Serve until the block ends."""
    with serving(OtlpServer()) as server:
        try:
            yield server
        finally:
            server.closing.set()


def plain(attributes: Any) -> dict[str, Any]:
    """Return attributes as Python has them."""
    return {one.key: _plain(one.value) for one in attributes if isinstance(one, KeyValue)}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(one) for one in value.array_value.values]
    return getattr(value, str(kind))


class _Handler(BaseHTTPRequestHandler):
    server: OtlpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.server.hangs:
            self.server.closing.wait(PATIENCE_S)
            self.close_connection = True
            return
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        refused = ExportTracePartialSuccess(rejected_spans=self.server.refuses)
        told = ExportTraceServiceResponse(partial_success=refused).SerializeToString()
        self._reply(status, told if self.server.says is None else self.server.says)

    def _reply(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
