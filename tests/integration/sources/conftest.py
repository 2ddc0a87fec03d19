"""A worker whose jobs are due at once, and a corpus with a source of scripted content."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.settings import Settings
from tests.integration.sources.syncing import SyncDesk, open_desk, settings_in, worker_in


@pytest.fixture
def settings(migrated_dir: Path) -> Settings:
    return settings_in(migrated_dir)


@pytest.fixture
async def worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    monkeypatch.setattr("ingestion.jobs.LOOK_AGAIN_S", 0)
    async with worker_in(settings) as opened:
        yield opened


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> SyncDesk:
    desk = await open_desk(worker, admin)
    await desk.set_up()
    return desk
