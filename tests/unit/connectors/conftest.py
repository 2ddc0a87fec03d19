from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.connectors.limits import SourceLimits
from tests.served_site import ServedSite, served_site


@pytest.fixture
def site() -> Iterator[ServedSite]:
    with served_site() as site:
        yield site


@pytest.fixture
def limits(tmp_path: Path) -> SourceLimits:
    return SourceLimits(
        cache_dir=tmp_path, allow_private=True, request_timeout_s=30, max_item_bytes=10_000, retry_wait_s=0.01
    )
