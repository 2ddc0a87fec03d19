"""A content team's desk over the real index engine, for corpora of thousands of documents."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ingestion.bootstrap import worker_over
from rag_service.bootstrap import open_container
from rag_service.domain.ids import TenantId
from rag_service.domain.rows import Row
from rag_service.settings import EmbeddingSettings, JobSettings, Settings
from tests.index_hosts import running_host
from tests.integration.desk import Desk

CORPUS = "rows"
_AT_ONCE = 1_000


@asynccontextmanager
async def edge_desk(catalog: Path | None = None, **host_settings: str) -> AsyncIterator[Desk]:
    """Open a service in this process, over a copy of a catalog, with an index host of its own and one empty corpus."""
    with running_host(**host_settings) as host:
        if catalog:
            shutil.copy(catalog, host.data_dir)
        settings = Settings(
            data_dir=host.data_dir,
            embedding=EmbeddingSettings(backend="hashing"),
            jobs=JobSettings(draft_patience_s=0),
        )
        async with open_container(settings) as container, worker_over(container) as worker:
            first = await container.keys.create_first(TenantId("tenant_default"), "default")
            assert first is not None
            desk = Desk(worker=worker, admin=first[0].scope(), corpus=CORPUS)
            await container.create_corpus(desk.admin, name=CORPUS)
            yield desk


async def accept_rows(desk: Desk, rows: Sequence[Row], *, draft: str | None = None) -> None:
    """Upload the rows and prepare them, without sealing anything."""
    uploads = desk.worker.container.uploads
    for start in range(0, len(rows), _AT_ONCE):
        batch = rows[start : start + _AT_ONCE]
        await uploads.accept_rows(desk.admin, corpus=desk.corpus, rows=batch, draft=draft)
    await desk.prepare()
