"""`rag erase` against a small service with canned replies; receipts are checked without any."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rag_service.cli import main
from rag_service.signing.service_keys import ServiceKeys
from tests.unit.canned_service import CannedService, rag, running

KEYS = ServiceKeys(b"s" * 32)
RECEIPT = json.dumps(
    {
        "kind": "document",
        "subject": {"document_id": "doc_1"},
        "requested_at": "2026-01-01",
        "finished_at": "2026-01-02",
        "removed": {"chunks": 3, "answers": 0},
        "shared": {},
        "probes": {"chunks": 0},
        "notes": ["The log of the server stays."],
    }
)


def erasure(state: str = "done", **changes: Any) -> dict[str, Any]:
    is_done = state == "done"
    body = {
        "id": "erasure_1",
        "object": "erasure",
        "kind": "document",
        "subject": {"document_id": "doc_1"},
        "state": state,
        "receipt": RECEIPT if is_done else None,
        "signature": KEYS.sign(RECEIPT.encode()) if is_done else None,
        "public_key": KEYS.public_key if is_done else None,
    }
    return body | changes


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def verify(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["erase", "verify", str(path), *options])


def signed(tmp_path: Path, **changes: str) -> Path:
    path = tmp_path / "receipt.json"
    whole = erasure()
    path.write_text(json.dumps({name: whole[name] for name in ("receipt", "signature", "public_key")} | changes))
    return path


def test_a_document_is_erased_and_the_receipt_waited_for(service: CannedService, tmp_path: Path) -> None:
    service.replies["POST", "/v1/erasures"] = [(202, erasure("requested"))]
    service.replies["GET", "/v1/erasures/erasure_1"] = [(200, erasure("erasing")), (200, erasure())]

    done = rag(service, "erase", "document", "doc_1", "--output", str(tmp_path / "receipt.json"))

    assert service.asked[0][2] == {"kind": "document", "document_id": "doc_1"}
    assert "removed: 3 chunks\n" in done.stdout
    assert verify(tmp_path / "receipt.json").exit_code == 0


def test_without_waiting_the_request_is_shown(service: CannedService) -> None:
    service.replies["POST", "/v1/erasures"] = [(202, erasure("requested"))]

    done = rag(service, "erase", "person", "ann", "--no-wait", "--json")

    assert service.asked[0][2] == {"kind": "person", "user": "ann"}
    assert json.loads(done.stdout)["state"] == "requested"


def test_a_corpus_is_erased_only_when_that_is_said_twice(service: CannedService) -> None:
    service.replies["POST", "/v1/erasures"] = [(202, erasure(kind="corpus", subject={"corpus_id": "vs_1"}))]

    assert rag(service, "erase", "corpus", "handbook").exit_code == 1
    assert service.asked == []
    assert rag(service, "erase", "corpus", "handbook", "--yes").exit_code == 0


def test_erasures_are_listed_and_shown(service: CannedService) -> None:
    service.replies["GET", "/v1/erasures"] = [(200, {"data": [erasure()], "has_more": False})]
    service.replies["GET", "/v1/erasures/erasure_1"] = [(200, erasure())]

    assert rag(service, "erase", "list").stdout == "erasure_1  done       document  doc_1\n"
    assert "The log of the server stays." in rag(service, "erase", "show", "erasure_1").stdout


def test_a_receipt_that_is_not_there_yet_is_not_written(service: CannedService, tmp_path: Path) -> None:
    service.replies["GET", "/v1/erasures/erasure_1"] = [(200, erasure("erasing"))]

    shown = rag(service, "erase", "show", "erasure_1", "--output", str(tmp_path / "receipt.json"))

    assert (shown.exit_code, (tmp_path / "receipt.json").exists()) == (1, False)


def test_a_receipt_is_checked_with_the_key_inside_or_a_given_one(tmp_path: Path) -> None:
    key, other = tmp_path / "key.pem", tmp_path / "other.pem"
    key.write_text(KEYS.public_key)
    other.write_text(ServiceKeys(b"t" * 32).public_key)
    receipt = signed(tmp_path)

    assert "Compare it with GET /v1/erasures/key" in verify(receipt).output
    assert verify(receipt, "--public-key", str(key)).exit_code == 0
    assert verify(receipt, "--public-key", str(other)).exit_code == 1


def test_a_changed_receipt_is_refused(tmp_path: Path) -> None:
    changed = verify(signed(tmp_path, receipt=RECEIPT.replace("3", "4")))

    assert (changed.exit_code, "was changed" in changed.output) == (1, True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"receipt": 1}'])
def test_what_is_no_receipt_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(content)

    refused = verify(path)

    assert (refused.exit_code, "is not a receipt" in refused.output) == (1, True)
