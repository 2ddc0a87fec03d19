"""One data folder and one index under services with different settings, and rebuilds that are run by hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ingestion.bootstrap import Worker, worker_over
from ingestion.filling import open_chunker
from ingestion.parsing.isolation.sandbox import Outcome, RawFile
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pages import OnPages
from ingestion.parsing.read import read_document
from rag_service.bootstrap import open_container
from rag_service.catalog.tables import builds
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.builds import Build
from rag_service.domain.documents import ParsedDocument
from rag_service.domain.drafts import Draft
from rag_service.domain.ids import Fingerprint, TenantId
from rag_service.domain.versions import Corpus
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.bootstrap import OpenedIndex
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import ChunkingSettings, EmbeddingSettings, JobSettings, RetrievalSettings, Section, Settings
from rag_service.use_cases.fill_build import FillBuild
from tests.integration.desk import DOCUMENTS, EVERY_STATE, Desk, held

TENANT = TenantId("tenant")
ADMIN: AccessScope = system_scope(TENANT)
ALL_TEXTS = set(DOCUMENTS.values())
QUESTION = "Which fruit is what?"


class Place:
    """Where services come and go; what they leave behind stays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.index = MemoryIndex()

    @asynccontextmanager
    async def service(
        self, *, dimensions: int = 32, target_tokens: int = 254, **sections: Section
    ) -> AsyncIterator[Desk]:
        """Open a service with these settings; the first one makes a corpus of three documents."""
        usual: dict[str, Any] = {
            "embedding": EmbeddingSettings(backend="hashing", dimensions=dimensions),
            "chunking": ChunkingSettings(target_tokens=target_tokens),
            "retrieval": RetrievalSettings(backend="memory", exact=True),
            "jobs": JobSettings(draft_patience_s=0),
        }
        settings = Settings(data_dir=self._folder, **usual | sections)
        opened = open_container(settings, open_index=lambda *_: OpenedIndex(index=self.index))
        async with opened as container, worker_over(container) as worker:
            worker.prepare._read._parse = _read_here
            desk = Desk(worker=worker, admin=ADMIN)
            if not await _has_tenant(worker):
                await container.create_corpus(ADMIN, name=desk.corpus)
                await desk.publish(DOCUMENTS)
            yield desk


@pytest.fixture
def place(migrated_dir: Path) -> Place:
    return Place(migrated_dir)


@pytest.fixture
async def older(place: Place) -> Fingerprint:
    """The build that the corpus was made under: three documents are published in version 1."""
    async with place.service(dimensions=16) as desk:
        return desk.worker.container.build.digest


async def start(desk: Desk) -> Build:
    """Ask for a rebuild, and return the build that is to be filled."""
    await desk.worker.container.builds.rebuild(ADMIN, corpus=desk.corpus)
    return await own_build(desk)


async def own_build(desk: Desk) -> Build:
    """Return the build of the service's settings."""
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(ADMIN, desk.corpus)
        return await tx.builds.get(ADMIN, corpus.id, desk.worker.container.build.digest)


async def corpus_of(desk: Desk) -> Corpus:
    """Return the corpus as it is now."""
    async with desk.worker.container.catalog.reading() as tx:
        return await tx.corpora.get(ADMIN, desk.corpus)


async def fill(
    desk: Desk, *, turn_s: float = 60, catalog: Catalog | None = None, index: VectorIndex | None = None
) -> bool:
    """Fill the service's build, one document at a time; with `turn_s=0` the next one only."""
    parts, build = desk.worker.container, await own_build(desk)
    filling = FillBuild(
        catalog=catalog or parts.catalog,
        index=index or parts.index,
        build_parts=parts.build_parts,
        chunkers=open_chunker,
        clock=parts.clock,
        batch_documents=1,
        pause_s=0,
        turn_s=turn_s,
    )
    return await filling(
        ADMIN, build.corpus_id, build.fingerprint, still_held=held, on_documents=lambda done, total: None
    )


async def rebuild(desk: Desk) -> None:
    """Bring the corpus to the service's build, by the worker's jobs."""
    await start(desk)
    await desk.work_off()


async def agrees(desk: Desk) -> bool:
    """Say whether every build has the points that the law asks for."""
    return await desk.worker.container.reconcile(ADMIN, corpus=desk.corpus, dry_run=True) == []


async def asked_under(desk: Desk, ref: str = "fruit") -> Fingerprint:
    """Return the build under which the corpus is asked, or what stands after the @."""
    return (await desk.worker.container.search.pin(ADMIN, ref)).fingerprint


async def rebuild_drafts(desk: Desk) -> list[Draft]:
    """Return the drafts that were made by rebuilds."""
    async with desk.worker.container.catalog.reading() as tx:
        drafts = await tx.drafts.list(ADMIN, (await corpus_of(desk)).id, states=EVERY_STATE)
    return [draft for draft in drafts if draft.wanted_fingerprint]


async def points_of(place: Place, desk: Desk) -> list[tuple[object, ...]]:
    """Return the points of the service's build."""
    pages = place.index.states(desk.worker.container.build.digest, corpus_id=(await corpus_of(desk)).id)
    return [(one.id, one.born, one.died, one.principals) async for page in pages for one in page]


async def lose_model(desk: Desk, fingerprint: Fingerprint) -> None:
    """Let a build's recipe name a model that is not there."""
    async with desk.worker.container.catalog.reading() as tx:
        recipe = (await tx.builds.get(ADMIN, (await corpus_of(desk)).id, fingerprint)).recipe
    gone = {**recipe, "embedding": {**recipe["embedding"], "backend": "onnx", "model": "/gone"}}
    async with desk.worker.container.catalog._database.writing() as connection:
        await connection.execute(builds.update().where(builds.c.fingerprint == fingerprint).values(recipe=gone))


async def _has_tenant(worker: Worker) -> bool:
    async with worker.container.catalog.reading() as tx:
        if TENANT in await tx.points.tenants():
            return True
    async with worker.container.catalog.writing() as tx:
        await tx.keys.add_tenant(TENANT, "Tenant")
    return False


async def _read_here(files: Sequence[RawFile], on_pages: OnPages) -> list[Outcome]:
    return [_read(file) for file in files]


def _read(file: RawFile) -> ParsedDocument:
    assert isinstance(file.content, bytes)
    return read_document(BytesIO(file.content), file.filename, ParsingLimits())
