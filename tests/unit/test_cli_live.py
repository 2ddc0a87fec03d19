"""`rag eval live` against a small service with canned replies."""

from collections.abc import Iterator

import pytest

from tests.unit.canned_service import CannedService, rag, running

FELL = {"measure": "support", "window_end": 1_767_312_000, "has_drifted": True, "told": "Support fell."}
STEADY = FELL | {"measure": "tokens", "has_drifted": False, "told": "Tokens are as before."}
DAY = {"day": "2026-01-01", "scored": 7, "means": {"support": {"value": 0.75, "measured": 5}}}


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def test_days_and_what_drifted_are_shown(service: CannedService) -> None:
    found = {"days": [DAY], "newest": [FELL, STEADY], "earlier": [FELL]}
    service.replies["GET", "/v1/corpora/handbook/live"] = [(200, found)]

    assert rag(service, "eval", "live", "handbook").stdout.splitlines() == [
        "2026-01-01  7 answers scored",
        "  support                          0.750  of 5",
        "Window to 2026-01-02, beside the days before:",
        "! Support fell.",
        "  Tokens are as before.",
        "Drifted before:",
        "  2026-01-02  Support fell.",
    ]


def test_a_corpus_that_nobody_asks_says_so(service: CannedService) -> None:
    service.replies["GET", "/v1/corpora/handbook/live"] = [(200, {"days": [], "newest": [], "earlier": []})]

    assert "No answers were scored" in rag(service, "eval", "live", "handbook").stdout
