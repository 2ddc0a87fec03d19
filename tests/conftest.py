"""Fixtures that several folders share. `service` is the real thing: `rag serve` with the default parts."""

import asyncio
import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from rag_service.catalog.migrating import migrate
from tests.postgres import PostgresDatabases, running_postgres
from tests.running import RunningService, start_service, stop_service

os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Tests assert no speed: a busy machine must not fail them.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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


def pytest_collection_finish() -> None:
    """Keep the collector of garbage off all that was imported: it would look through it again and again."""
    gc.collect()
    gc.freeze()


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
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """`rag serve` with default settings and the sample corpus loaded."""
    with_service = start_service(tmp_path_factory.mktemp("service") / "data")
    yield with_service
    stop_service(with_service)


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
