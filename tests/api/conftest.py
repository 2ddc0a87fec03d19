"""Fixtures of the API's tests."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from openai import AsyncOpenAI
from starlette.routing import BaseRoute

from rag_service.api import install
from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.ids import TenantId
from tests.api.parts import Service
from tests.api.wiring import open_parts


@pytest.fixture(scope="session")
def routes() -> list[BaseRoute]:
    """The routes of the API, which hold no state: to look into their handlers takes longer than a test."""
    app = FastAPI()
    install(app)
    return app.router.routes


@pytest.fixture
async def service(tmp_path: Path, migrated: Path, routes: list[BaseRoute]) -> AsyncIterator[Service]:
    database = shutil.copy(migrated, tmp_path / "catalog.db")
    async with open_catalog(f"sqlite+aiosqlite:///{database}") as catalog:
        parts = open_parts(catalog, tmp_path)
        app = FastAPI()
        install(app)
        app.router.routes[:] = routes
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
