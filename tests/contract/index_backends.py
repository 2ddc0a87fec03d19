"""Every VectorIndex there is, each test with a build of its own."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.index_client import IndexClient
from rag_service.retrieval.memory import MemoryIndex
from rag_service.retrieval.qdrant_edge import EdgeIndex
from tests.index_hosts import RunningHost, running_host
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def host() -> Iterator[RunningHost]:
    with running_host() as started:
        yield started


@pytest.fixture(params=["memory", "edge", "edge behind the host"])
async def index(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[VectorIndex]:
    match request.param:
        case "memory":
            yield MemoryIndex()
        case "edge":
            edge = EdgeIndex(tmp_path, exact_below=20_000)
            yield edge
            edge.close()
        case _:
            client = IndexClient(request.getfixturevalue("host").socket, PATIENCE_S)
            yield client
            await client.aclose()


@pytest.fixture
def build() -> str:
    return uuid.uuid4().hex
