"""A catalog in SQLite and one in a real PostgreSQL, each test with an empty one of its own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog


@pytest.fixture(params=["sqlite", "postgres"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        path = tmp_path / "catalog.db"
        shutil.copy(request.getfixturevalue("migrated"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    databases = request.getfixturevalue("migrated_postgres")
    yield databases.url()
    databases.forget()


@pytest.fixture
async def catalog(catalog_url: str) -> AsyncIterator[SqlCatalog]:
    async with open_catalog(catalog_url) as opened:
        yield opened
