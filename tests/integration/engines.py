"""A desk over a routed index, whose engines a test chooses by name."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingestion.bootstrap import worker_over
from rag_service.bootstrap import open_container
from rag_service.domain.ids import Fingerprint, TenantId
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.bootstrap import OpenedIndex
from rag_service.retrieval.compared_searches import ComparedSearches
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.follower_misses import FollowerMisses
from rag_service.retrieval.known_route import KnownRoute
from rag_service.retrieval.memory import MemoryIndex
from rag_service.retrieval.opened_engines import OpenedEngines
from rag_service.retrieval.qdrant_edge import EdgeIndex
from rag_service.retrieval.routed import RoutedIndex
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from rag_service.use_cases.indexes.migrate_index import MigrateIndex
from tests.contract.index_backends import qdrant_index
from tests.integration.desk import Desk
from tests.integration.edge_desk import accept_rows
from tests.integration.reading import read_here
from tests.made_rows import made_question, made_rows

ENGINES = ("memory", "edge", "faiss", "qdrant")
DOCUMENTS = 60


@dataclass(frozen=True)
class Engines:
    """A desk, and the engines that its index may be routed to."""

    desk: Desk
    by_name: Mapping[str, VectorIndex]

    @property
    def index(self) -> RoutedIndex:
        """The index of the service."""
        index = self.desk.worker.container.index
        assert isinstance(index, RoutedIndex)
        return index

    @property
    def build(self) -> Fingerprint:
        """The one build there is."""
        return self.desk.worker.container.build.digest

    @property
    def catalog(self) -> Catalog:
        """The catalog of the service."""
        return self.desk.worker.container.catalog

    def migration(self, serving: str) -> MigrateIndex:
        """Return what migrates, without waiting for other processes: there are none."""
        container = self.desk.worker.container
        return MigrateIndex(
            catalog=container.catalog,
            engines=self.index.engines,
            default=serving,
            clock=container.clock,
            settle_s=0,
            batch=20,
        )

    async def epochs(self) -> list[int]:
        """By which searches of each corpus are told from those of before."""
        async with self.catalog.reading() as tx:
            return [(await tx.corpora.get(self.desk.admin, self.desk.corpus)).rights_epoch]

    async def answers(self) -> list[list[tuple[str, float]]]:
        """What some questions find."""
        return [await self.desk.found(made_question(number)) for number in range(0, DOCUMENTS, 7)]


@asynccontextmanager
async def engine(name: str, folder: Path) -> AsyncIterator[VectorIndex]:
    """Open an empty engine."""
    match name:
        case "memory":
            yield MemoryIndex()
        case "edge":
            edge = EdgeIndex(folder / "index", exact_below=20_000)
            yield edge
            edge.close()
        case "faiss":
            faiss = FaissIndex(folder / "index-faiss", exact_below=20_000)
            yield faiss
            faiss.close()
        case "qdrant":
            async with qdrant_index() as server:
                yield server


@asynccontextmanager
async def engines_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str, **others: VectorIndex
) -> AsyncIterator[Engines]:
    """Open a service on the first of the names, over a migrated folder, with a published corpus."""
    async with AsyncExitStack() as stack:
        own = [name for name in names if name not in others]
        opened = {name: await stack.enter_async_context(engine(name, folder)) for name in own} | others
        desk = await stack.enter_async_context(_desk(folder, monkeypatch, opened, serving=names[0]))
        await accept_rows(desk, made_rows(range(DOCUMENTS)))
        await desk.work_off()
        yield Engines(desk, opened)


@asynccontextmanager
async def _desk(
    folder: Path, monkeypatch: pytest.MonkeyPatch, opened: Mapping[str, VectorIndex], *, serving: str
) -> AsyncIterator[Desk]:
    def routed(_settings: Settings, catalog: Catalog, _stack: AsyncExitStack) -> OpenedIndex:
        engines = OpenedEngines({name: lambda index=index: index for name, index in opened.items()})
        route = KnownRoute(catalog=catalog, default=serving, monotonic=iter(range(10**9)).__next__)
        return OpenedIndex(
            index=RoutedIndex(
                engines=engines,
                route=route,
                compared=ComparedSearches(catalog),
                misses=FollowerMisses(catalog, monotonic=iter(range(10**9)).__next__),
            )
        )

    monkeypatch.setattr("rag_service.bootstrap.open_index", routed)
    settings = Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=64),
        retrieval=RetrievalSettings(backend="memory", cache_entries=0),
        jobs=JobSettings(draft_patience_s=0),
    )
    async with open_container(settings) as container, worker_over(container) as worker:
        worker.prepare._read._parse = read_here
        first = await container.keys.create_first(TenantId("tenant_default"), "default")
        assert first is not None
        desk = Desk(worker=worker, admin=first[0].scope(), corpus="rows")
        await container.create_corpus(desk.admin, name=desk.corpus)
        yield desk
        await container.index.aclose()
