"""How builds are searched follows the engine that serves, whatever the settings name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_advice import SearchParameters
from rag_service.domain.index_route import IndexRoute, RouteState
from rag_service.retrieval.bootstrap import open_tuning
from rag_service.retrieval.edge_folder import make_current, new_generation
from rag_service.retrieval.edge_tuning import EdgeTuning
from rag_service.settings import RetrievalSettings, Settings
from tests.contract.catalog_values import START

BUILD = Fingerprint("f" * 32)
FARTHER = SearchParameters(ef=768, exact=True, is_wanting=True)


@pytest.fixture
async def catalog(migrated_dir: Path) -> AsyncIterator[SqlCatalog]:
    async with open_catalog(f"sqlite+aiosqlite:///{migrated_dir}/catalog.db") as opened:
        yield opened


def settings(folder: Path, *, backend: str) -> Settings:
    """Settings of an installation that has an Edge build."""
    made = Settings(data_dir=folder, retrieval=RetrievalSettings.model_validate({"backend": backend}))
    generation = new_generation(made.index_dir / BUILD)
    generation.mkdir(parents=True)
    make_current(generation)
    return made


async def migrate(catalog: SqlCatalog, *, to: str) -> None:
    route = IndexRoute(serving=to, following=None, state=RouteState.STEADY, since=START)
    async with catalog.writing() as tx:
        await tx.index_routes.change(None, route)


async def test_before_a_migration_the_engine_of_the_settings_is_tuned(tmp_path: Path, catalog: SqlCatalog) -> None:
    tuning = open_tuning(settings(tmp_path, backend="edge"), catalog)

    await tuning.change(BUILD, FARTHER)

    assert (await tuning.engine(), await tuning.read(BUILD), await tuning.trouble(BUILD)) == ("edge", FARTHER, None)


async def test_an_engine_that_was_migrated_to_is_tuned(tmp_path: Path, catalog: SqlCatalog) -> None:
    await migrate(catalog, to="edge")
    tuning = open_tuning(settings(tmp_path, backend="faiss"), catalog)

    await tuning.change(BUILD, FARTHER)

    assert (await tuning.engine(), await tuning.read(BUILD)) == ("edge", FARTHER)


async def test_an_engine_that_was_migrated_from_is_not_tuned(tmp_path: Path, catalog: SqlCatalog) -> None:
    await migrate(catalog, to="faiss")
    tuning = open_tuning(settings(tmp_path, backend="edge"), catalog)

    await tuning.change(BUILD, FARTHER)

    assert (await tuning.engine(), await tuning.read(BUILD)) == ("faiss", None)
    assert await EdgeTuning(tmp_path / "index").read(BUILD) == SearchParameters()
