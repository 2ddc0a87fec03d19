"""`rag reconcile` against a small service with canned replies."""

import json
from collections.abc import Iterator

import pytest

from tests.unit.canned_service import CannedService, rag, running

FINDING = {
    "kind": "orphan_point",
    "found": 5,
    "mended": 5,
    "examples": [{"subject": name, "corpus_id": "vs_a"} for name in "abcde"],
}


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def reply(service: CannedService, *findings: object) -> None:
    body = {"object": "reconciliation", "dry_run": False, "findings": findings}
    service.replies["POST", "/v1/reconciliations"] = [(200, body)]


def test_findings_are_shown_with_examples(service: CannedService) -> None:
    reply(service, FINDING)

    assert rag(service, "reconcile").stdout == "orphan_point: 5 found, 5 mended (a, b, c, …)\n"


def test_agreement_is_said(service: CannedService) -> None:
    reply(service)

    assert rag(service, "reconcile", "--corpus", "handbook", "--dry-run").stdout == "Everything agrees.\n"


def test_machines_get_json(service: CannedService) -> None:
    reply(service, FINDING)

    assert json.loads(rag(service, "reconcile", "--json").stdout)["findings"] == [FINDING]
