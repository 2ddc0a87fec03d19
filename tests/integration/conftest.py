"""One process for everything: the container with in-memory index, and the worker over it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingestion.bootstrap import Worker, worker_over
from ingestion.loading import Parse
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import TenantId
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from tests.integration.reading import read_here


@pytest.fixture
def parse() -> Parse | None:
    """How files are read: in this process. None, where tests are about uploads, leaves the worker its child."""
    return read_here


@pytest.fixture
async def worker(migrated_dir: Path, parse: Parse | None) -> AsyncIterator[Worker]:
    settings = Settings(
        data_dir=migrated_dir,
        embedding=EmbeddingSettings(backend="hashing"),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0),
    )
    async with open_container(settings) as container, worker_over(container) as opened:
        opened.prepare._read._parse = parse or opened.prepare._read._parse
        yield opened


@pytest.fixture
async def admin(worker: Worker) -> AccessScope:
    first = await worker.container.keys.create_first(TenantId("tenant_default"), "default")
    assert first is not None
    return first[0].scope()
