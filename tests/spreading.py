"""How the tests are spread when several processes run them: most as whole files, and the slowest first."""

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

_KILL_LOOP = "tests/faults/test_kill_loop.py"
"""Its tests take minutes each and share nothing: each is handed out by itself."""

_FIRST = (
    # The slow ones. A process is given two at once, so that the first and the third share one.
    f"{_KILL_LOOP}::test_hundreds_of_kills_lose_nothing_and_double_nothing[polled]",
    "tests/integration/test_pinned_versions.py",
    f"{_KILL_LOOP}::test_hundreds_of_kills_lose_nothing_and_double_nothing[celery]",
    "tests/integration/test_language_model.py",
    *ON_THE_SERVICE,
    "tests/laws/",
    "tests/faults/",
    "tests/integration/",
)


class SlowestFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist is untyped
    """Hands out tests in the order in which they are collected (see `place_of`)."""

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_KILL_LOOP):
            return nodeid
        return "the service" if nodeid.startswith(ON_THE_SERVICE) else str(super()._split_scope(nodeid))


def place_of(item: pytest.Item) -> int:
    """Return the place of a test among others: what takes long comes first, so that all processes end together."""
    return next((place for place, start in enumerate(_FIRST) if item.nodeid.startswith(start)), len(_FIRST))
