"""Fixtures that several folders share. `service` is the real thing: `rag serve` with the default parts."""

import asyncio
import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy.ext.asyncio import AsyncEngine

from rag_service.catalog import database
from rag_service.catalog.migrating import migrate
from tests.compiled_once import sharing_engine
from tests.in_memory import keep_files_in_memory
from tests.postgres import PostgresDatabases, running_postgres
from tests.running import RunningService, start_service, stop_service

os.environ.setdefault("HF_HUB_OFFLINE", "1")
keep_files_in_memory()
os.environ.setdefault("DO_NOT_TRACK", "true")  # unstructured would tell that it was imported

# Tests assert no speed: a busy machine must not fail them.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

_SERVICE = pytest.StashKey[ExitStack]()
_LAST_ON_THE_SERVICE = pytest.StashKey[pytest.Item]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Spread whole files over the processes of `-n`."""
    from tests.spreading import SlowestFirst

    return SlowestFirst(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring the tests into their order when several processes share them."""
    if hasattr(config, "workerinput"):
        from tests.spreading import place_of

        items.sort(key=place_of)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note when the service is no longer needed, and keep the collector of garbage off all that was imported."""
    for item in session.items:
        if isinstance(item, pytest.Function) and "shared_service" in item.fixturenames:
            session.stash[_LAST_ON_THE_SERVICE] = item
    # It would look through it again and again.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Stop the service after the last test on it: idle, it keeps a tenth of a processor from the others."""
    if item is item.session.stash.get(_LAST_ON_THE_SERVICE, None):
        item.config.stash.setdefault(_SERVICE, ExitStack()).close()


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """Let all catalogs of this process share their compiled statements: to compile them takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_async_engine", sharing_engine)
        yield


@pytest.fixture(scope="module", autouse=True)
def hasty_commits() -> Iterator[None]:
    """Let no commit to SQLite in this process wait for the disk. Tests of power cuts and full disks replace this."""
    usual = database._sqlite_engine

    def hasty(url: str, **given: Any) -> AsyncEngine:
        engine = usual(url, **given)
        sa.event.listen(engine.sync_engine, "connect", _commit_to_memory)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_sqlite_engine", hasty)
        yield


def _commit_to_memory(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public development data; tests that need it skip where it is absent."""
    if not SHARED_DATA.exists():
        pytest.skip("the development data is not beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated catalog without rows, made once: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "catalog.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def migrated_dir(tmp_path: Path, migrated: Path) -> Path:
    """A data folder with a migrated catalog."""
    shutil.copy(migrated, tmp_path / "catalog.db")
    return tmp_path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresDatabases]:
    """A real PostgreSQL; who writes to its database empties it."""
    with running_postgres() as databases:
        yield databases


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresDatabases) -> PostgresDatabases:
    """A real PostgreSQL with an up-to-date catalog without rows."""
    asyncio.run(migrate(postgres_server.url()))
    return postgres_server


@pytest.fixture(scope="session")
def shared_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that all tests share which have none of their own."""
    with request.config.stash.setdefault(_SERVICE, ExitStack()) as until_the_last_test:
        started = start_service(tmp_path_factory.mktemp("service") / "data")
        until_the_last_test.callback(stop_service, started)
        yield started


@pytest.fixture(scope="session")
def service(shared_service: RunningService) -> RunningService:
    """`rag serve` with default settings and the sample corpus loaded."""
    return shared_service


@pytest.fixture(scope="session")
def service_url(service: RunningService) -> str:
    """Address of the running service."""
    return service.url


@pytest.fixture(scope="session")
def admin_key(service: RunningService) -> str:
    """Admin key of the running service."""
    return service.key


@pytest.fixture
def login_url(service: RunningService) -> str:
    """A fresh one-time login link."""
    return service.login_url()
