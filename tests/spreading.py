"""How the tests are spread when several processes run them: whole files, and the slowest first."""

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

ON_THE_SERVICE = (
    "tests/e2e/",
    "tests/faults/test_bad_uploads.py",
    "tests/faults/test_memory.py",
    "tests/faults/test_scripts.py",
    "tests/integration/test_openai_sdk.py",
)
"""Tests that share one `rag serve`, which takes long to start: they stay in one process."""

_FIRST = (*ON_THE_SERVICE, "tests/laws/", "tests/faults/", "tests/integration/")


class SlowestFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist is untyped
    """Hands out files in the order in which they are collected (see `place_of`)."""

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return "the service" if nodeid.startswith(ON_THE_SERVICE) else str(super()._split_scope(nodeid))


def place_of(item: pytest.Item) -> int:
    """Return the place of a test among others: what takes long comes first, so that all processes end together."""
    return next((place for place, start in enumerate(_FIRST) if item.nodeid.startswith(start)), len(_FIRST))
