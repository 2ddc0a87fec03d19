from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rag_service.catalog.alembic_scripts import alembic_config
from rag_service.catalog.database import connect
from rag_service.catalog.migrating import HEAD, migrate
from rag_service.catalog.sql_catalog import open_catalog
from rag_service.catalog.tables import metadata
from rag_service.errors import CatalogUnavailable, Misconfigured


def _differences(connection: sa.Connection) -> list[object]:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


async def test_the_migrated_schema_is_the_one_in_the_code(catalog_url: str) -> None:
    database = connect(catalog_url, pool_size=1)

    async with database.reading() as connection:
        differences = await connection.run_sync(_differences)

    await database.close()
    assert differences == []


def test_the_head_named_in_the_code_is_the_newest_script() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


async def test_migrating_a_second_time_changes_nothing(catalog_url: str) -> None:
    await migrate(catalog_url)

    async with open_catalog(catalog_url) as catalog, catalog.reading() as transaction:
        assert not await transaction.keys.has_any()


@pytest.fixture
async def newer_url(catalog_url: str) -> AsyncIterator[str]:
    database = connect(catalog_url, pool_size=1)
    async with database.writing() as connection:
        known = (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one()
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    yield catalog_url
    async with database.writing() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = :known"), {"known": known})
    await database.close()


async def test_a_database_of_a_newer_release_is_refused(newer_url: str) -> None:
    with pytest.raises(Misconfigured, match="newer release"):
        await migrate(newer_url)


async def test_an_address_of_another_kind_of_database_is_refused() -> None:
    with pytest.raises(Misconfigured, match="mysql is not supported"):
        await migrate("mysql://127.0.0.1/catalog")


async def test_a_database_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    async with open_catalog(f"postgresql+asyncpg://postgres@/none?host={tmp_path}") as catalog:
        with pytest.raises(CatalogUnavailable):
            async with catalog.reading():
                pass


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"not a database " * 100)

    with pytest.raises(CatalogUnavailable):
        await migrate(f"sqlite+aiosqlite:///{tmp_path}/catalog.db")
