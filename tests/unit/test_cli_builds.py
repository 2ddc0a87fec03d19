"""`rag corpus builds` and `rag corpus rebuild` against a small service with canned replies."""

from collections.abc import Iterator

import pytest

from tests.unit.canned_service import CannedService, rag, running

BUILDS = "/v1/corpora/handbook/builds"
OLDER = {
    "id": "0123456789abcdef", "model": None, "dimensions": None, "target_tokens": None, "state": "ready",
    "current": True, "done": 0, "total": None,
}  # fmt: skip
NEWER = {
    "id": "fedcba9876543210", "model": "all-MiniLM-L6-v2", "dimensions": 384, "target_tokens": 254, "state": "filling",
    "current": False, "done": 3, "total": 9,
}  # fmt: skip


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def test_builds_are_listed_with_the_one_that_answers_marked(service: CannedService) -> None:
    service.replies["GET", BUILDS] = [(200, {"data": [OLDER, NEWER]})]

    assert rag(service, "corpus", "builds", "handbook").stdout.splitlines() == [
        "* 01234567  settings not noted  (ready)",
        "  fedcba98  all-MiniLM-L6-v2, 384 dimensions, 254 tokens  (filling, 3 of 9 documents)",
    ]


def test_a_rebuild_names_the_job_to_watch(service: CannedService) -> None:
    service.replies["POST", BUILDS] = [(202, {"id": "job_1", "state": "queued"})]

    result = rag(service, "corpus", "rebuild", "handbook")

    assert result.stdout == "job_1 builds handbook. `rag job watch job_1` shows how far it is.\n"
