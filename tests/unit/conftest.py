"""Fixtures that several unit tests share."""

import asyncio
from pathlib import Path

import pytest

from rag_service.catalog.migrating import migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated catalog without rows, made once: migrating takes longer than a test."""
    path = tmp_path_factory.mktemp("catalog") / "catalog.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path
