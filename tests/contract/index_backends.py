"""Every VectorIndex there is, each test with a build of its own."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from qdrant_client import AsyncQdrantClient

from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.device_replica import DeviceReplicas
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.index_client import IndexClient
from rag_service.retrieval.memory import MemoryIndex
from rag_service.retrieval.qdrant_edge import EdgeIndex
from rag_service.retrieval.qdrant_server import QdrantIndex
from rag_service.settings import QdrantSettings
from tests.index_hosts import RunningHost, running_host
from tests.lossy_device import Lossy
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def host() -> Iterator[RunningHost]:
    with running_host() as started:
        yield started


INDEXES = [
    "memory",
    "edge",
    "edge behind the host",
    "faiss flat",
    "faiss hnsw",
    "faiss ivf",
    "faiss on a device",
    "faiss on a device deaf to selectors",
    "faiss behind the host",
    "qdrant",
]


@pytest.fixture(params=INDEXES)
async def index(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[VectorIndex]:
    match request.param:
        case "memory":
            yield MemoryIndex()
        case "edge":
            edge = EdgeIndex(tmp_path, exact_below=20_000)
            yield edge
            edge.close()
        case "qdrant":
            async with qdrant_index() as server:
                yield server
        case "faiss flat" | "faiss hnsw" | "faiss ivf":
            # Every search goes by the structure where there is one.
            faiss = FaissIndex(tmp_path, exact_below=0, kind=request.param.split()[1])
            yield faiss
            faiss.close()
        case "faiss on a device" | "faiss on a device deaf to selectors":
            place = DeviceReplicas(Lossy(deaf="deaf" in request.param))
            faiss = FaissIndex(tmp_path, exact_below=0, kind="flat", place=place)
            yield faiss
            faiss.close()
        case _:
            engine = request.param.split()[0]
            client = IndexClient(request.getfixturevalue("host").socket, PATIENCE_S, engine=engine)
            yield client
            await client.aclose()


@asynccontextmanager
async def qdrant_index() -> AsyncIterator[QdrantIndex]:
    """The client's own model of a server, or the server that `RAG_TEST_QDRANT_URL` names."""
    url = os.environ.get("RAG_TEST_QDRANT_URL")
    client = AsyncQdrantClient(url=url) if url else AsyncQdrantClient(":memory:")
    settings = QdrantSettings(prefix=f"test-{uuid.uuid4().hex}-")
    index = QdrantIndex(client, settings, timeout_s=PATIENCE_S, exact_below=20_000)
    yield index
    for name in await index.builds():
        await index.drop(name)
    await index.aclose()


@pytest.fixture
def build() -> str:
    return uuid.uuid4().hex
