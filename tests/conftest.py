"""Fixtures that several folders share. `service` is the real thing: `rag serve` with the default parts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.running import RunningService, start_service, stop_service

os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Tests assert no speed: a busy machine must not fail them.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public development data; tests that need it skip where it is absent."""
    if not SHARED_DATA.exists():
        pytest.skip("the development data is not beside this checkout")
    return SHARED_DATA


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
