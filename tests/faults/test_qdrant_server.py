"""What becomes of the index when its Qdrant server is away, silent, or answers with errors."""

import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from rag_service.errors import IndexUnavailable, Misconfigured
from rag_service.retrieval.point_payload import CORPUS_ID
from rag_service.retrieval.qdrant_schema import FIELD_INDEXES
from rag_service.retrieval.qdrant_server import QdrantIndex, open_qdrant
from rag_service.settings import QdrantSettings
from tests.contract.index_points import found, listed, point
from tests.serving import serving


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
        self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture(params=[404, 429, 500])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A port where every request is answered with one status, and that status."""
    handler = type("Handler", (_Answers,), {"status": request.param})
    with serving(HTTPServer(("127.0.0.1", 0), handler)) as server:
        yield server.server_port, request.param


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
            with pytest.raises(IndexUnavailable):
                await index.builds()
        else:
            with pytest.raises(IndexUnavailable):
                await found(index, "build")
            with pytest.raises(IndexUnavailable):
                await index.drop("build")


class _FailingServer(AsyncQdrantClient):
    """The client's own model of a server that breaks off in the middle of making a build, and fails to rewrite it."""

    is_broken = True
    indexed: list[str]

    async def create_payload_index(self, collection_name: str, field_name: str, *args: Any, **more: Any) -> Any:
        if self.is_broken and field_name == CORPUS_ID:
            raise ConnectionError
        self.indexed.append(field_name)

    async def get_collection(self, *args: Any, **more: Any) -> models.CollectionInfo:
        info = await super().get_collection(*args, **more)
        return info.model_copy(update={"status": models.CollectionStatus.RED}) if self.is_broken else info


@asynccontextmanager
async def _failing() -> AsyncIterator[tuple[_FailingServer, QdrantIndex]]:
    server = _FailingServer(":memory:")
    server.indexed = []
    index = QdrantIndex(server, QdrantSettings(), timeout_s=1.0, exact_below=20_000)
    yield server, index
    await index.aclose()


async def test_who_finds_a_build_half_made_makes_the_rest() -> None:
    build = uuid.uuid4().hex
    async with _failing() as (server, index):
        with pytest.raises(IndexUnavailable):
            await index.write(build, [point("a")])
        server.is_broken, server.indexed = False, []

        await index.write(build, [point("a")])
        await index.write(build, [point("b")])

        assert server.indexed == list(FIELD_INDEXES)
        assert await index.builds() == {build: 2}


async def test_a_server_that_fails_to_rewrite_a_build_is_not_waited_for() -> None:
    build = uuid.uuid4().hex
    async with _failing() as (server, index):
        server.is_broken = False
        await index.write(build, [point("a")])
        server.is_broken = True

        with pytest.raises(IndexUnavailable, match="rewrite"):
            await index.compact(build)


async def test_collections_of_a_longer_prefix_are_not_this_services_builds() -> None:
    async with _failing() as (server, index):
        server.is_broken = False
        longer = QdrantIndex(server, QdrantSettings(prefix="rag-test-"), timeout_s=1.0, exact_below=20_000)
        await longer.write(uuid.uuid4().hex, [point("a")])

        assert await index.builds() == {}
        assert list((await longer.builds()).values()) == [1]


def test_a_server_without_an_address_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(Misconfigured, match="RAG_QDRANT__URL"):
        open_qdrant(QdrantSettings(), timeout_s=1.0, exact_below=1)
