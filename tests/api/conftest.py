"""Fixtures of the API's tests."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from openai import AsyncOpenAI

from rag_service.api import install
from rag_service.catalog.migrating import migrate
from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.ids import TenantId
from tests.api.parts import Service, open_parts


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated catalog without rows, made once: migrating takes longer than a test."""
    path = tmp_path_factory.mktemp("catalog") / "catalog.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
async def service(tmp_path: Path, empty_catalog: Path) -> AsyncIterator[Service]:
    database = shutil.copy(empty_catalog, tmp_path / "catalog.db")
    async with open_catalog(f"sqlite+aiosqlite:///{database}") as catalog:
        parts = open_parts(catalog, tmp_path)
        app = FastAPI()
        install(app)
        app.state.container = parts
        first = await parts.keys.create_first(TenantId("tenant_a"), "a")
        assert first is not None
        yield Service(app=app, parts=parts, secret=first[1], scope=first[0].scope())


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client() as opened:
        yield opened


@pytest.fixture
async def openai(service: Service) -> AsyncIterator[AsyncOpenAI]:
    async with service.openai() as opened:
        yield opened
