"""What becomes of the index when its Qdrant server is away, silent, or answers with errors."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from rag_service.errors import IndexUnavailable, Misconfigured
from rag_service.retrieval.qdrant_server import QdrantIndex, open_qdrant
from rag_service.settings import QdrantSettings
from tests.contract.index_points import found, listed, point


@asynccontextmanager
async def _opened(*, port: int, grpc: bool) -> AsyncIterator[QdrantIndex]:
    settings = QdrantSettings(url=f"http://127.0.0.1:{port}", grpc_port=port if grpc else 0)
    index = open_qdrant(settings, timeout_s=1.0, exact_below=20_000)
    yield index
    await index.aclose()


@pytest.fixture(params=[False, True], ids=["http", "grpc"])
def grpc(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


class _Answers(BaseHTTPRequestHandler):
    status = 500

    def do_GET(self) -> None:
        body = b'{"status": {"error": "no"}}'
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture(params=[404, 500])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A port where every request is answered with one status, and that status."""
    handler = type("Handler", (_Answers,), {"status": request.param})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port, request.param
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_server_that_is_away_makes_the_index_unavailable(closed_port: int, grpc: bool) -> None:
    async with _opened(port=closed_port, grpc=grpc) as index:
        with pytest.raises(IndexUnavailable, match="Qdrant server"):
            await found(index, "build")
        with pytest.raises(IndexUnavailable):
            await index.write("build", [point("a")])
        with pytest.raises(IndexUnavailable):
            await index.builds()
        with pytest.raises(IndexUnavailable):
            await listed(index, "build")


async def test_a_silent_server_makes_the_index_unavailable(silent_port: int, grpc: bool) -> None:
    async with _opened(port=silent_port, grpc=grpc) as index:
        with pytest.raises(IndexUnavailable):
            await found(index, "build")


async def test_a_collection_that_is_missing_has_nothing_and_an_error_is_an_error(answering: tuple[int, int]) -> None:
    port, status = answering
    async with _opened(port=port, grpc=False) as index:
        if status == 404:
            assert await found(index, "build") == []
            await index.drop("build")
        else:
            with pytest.raises(IndexUnavailable):
                await found(index, "build")
            with pytest.raises(IndexUnavailable):
                await index.drop("build")


def test_a_server_without_an_address_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(Misconfigured, match="RAG_QDRANT__URL"):
        open_qdrant(QdrantSettings(), timeout_s=1.0, exact_below=1)
