"""`rag draft …` against a small service with canned replies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.canned_service import CannedService, rag, running

DRAFTS = "/v1/corpora/handbook/drafts"
DRAFT = {
    "id": "draft_1", "name": "spring", "state": "open", "automatic": False, "notes": "", "base": 3, "number": None,
    "changes": [],
}  # fmt: skip
CHANGE = {
    "document_id": "doc_a", "document_key": "a.md", "action": "write", "revision": 2, "file_id": "file-1",
    "state": "completed", "reason": None, "advice": None,
}  # fmt: skip


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def job(state: str, **more: Any) -> dict[str, Any]:
    return {"id": "job_1", "kind": "seal_draft", "state": state, "stage": None, "total": None, "advice": None, **more}


def changes(*changed: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {**DRAFT, "changes": list(changed)}


def test_a_draft_is_opened_on_top_of_what_is_published(service: CannedService) -> None:
    service.replies["POST", DRAFTS] = [(200, DRAFT)]

    result = rag(service, "draft", "open", "spring", "--corpus", "handbook", "--notes", "for May")

    assert result.stdout == "spring is open (draft_1), on top of version 3.\n"
    assert service.asked[-1] == ("POST", DRAFTS, {"name": "spring", "notes": "for May"})


def test_drafts_are_listed_with_their_state(service: CannedService) -> None:
    sealed = {**DRAFT, "id": "draft_2", "name": None, "state": "sealed", "number": 4}
    service.replies["GET", DRAFTS] = [(200, {"data": [sealed, DRAFT]})]

    result = rag(service, "draft", "list", "--corpus", "handbook")

    assert result.stdout.splitlines() == [
        "draft_2  sealed     automatic  (on top of version 3, version 4)",
        "draft_1  open       spring  (on top of version 3)",
    ]


def test_a_draft_is_shown_with_what_it_changes(service: CannedService) -> None:
    failed = {**CHANGE, "state": "failed", "reason": "no_text", "advice": "Run text recognition."}
    removed = {**CHANGE, "document_key": "b.md", "action": "remove", "revision": None}
    service.replies["GET", f"{DRAFTS}/spring"] = [changes(failed, removed)]

    result = rag(service, "draft", "show", "spring", "--corpus", "handbook")

    assert result.stdout.splitlines()[1:] == [
        "  a.md: revision 2, failed (no_text). Run text recognition.",
        "  b.md: is removed",
    ]


def test_files_go_into_the_draft_and_are_waited_for(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello")
    service.replies["POST", f"{DRAFTS}/spring/files"] = [(200, {"id": "file-1"})]
    service.replies["GET", f"{DRAFTS}/spring"] = [changes({**CHANGE, "state": "in_progress"}), *[changes(CHANGE)] * 2]

    result = rag(service, "draft", "add", "spring", str(tmp_path), "--corpus", "handbook")

    assert (result.exit_code, result.stdout) == (0, "1 files are in spring.\n")
    assert service.added == []


def test_a_file_that_fails_in_the_draft_ends_with_code_4(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello")
    failed = {**CHANGE, "state": "failed", "reason": "no_text", "advice": "Run text recognition."}
    service.replies["POST", f"{DRAFTS}/spring/files"] = [(200, {"id": "file-1"})]
    service.replies["GET", f"{DRAFTS}/spring"] = [changes(failed), changes(failed)]

    result = rag(service, "draft", "add", "spring", str(tmp_path), "--corpus", "handbook")

    assert result.exit_code == 4
    assert "failed a.md: revision 2, failed (no_text). Run text recognition." in result.stdout


def test_a_document_is_removed_by_its_key(service: CannedService) -> None:
    listed = {"document_id": "doc_a", "attributes": {}, "filename": "a.md"}
    service.replies["GET", "/v1/vector_stores/handbook/files"] = [(200, {"data": [listed], "has_more": False})]
    service.replies["POST", f"{DRAFTS}/spring/removals"] = [(200, {"document_id": "doc_a"})]

    assert rag(service, "draft", "remove", "spring", "a.md", "--corpus", "handbook").exit_code == 0
    assert service.asked[-1][2] == {"document_id": "doc_a"}


def test_a_change_is_dropped_by_the_key_of_its_document(service: CannedService) -> None:
    service.replies["GET", f"{DRAFTS}/spring"] = [changes(CHANGE)]
    service.replies["DELETE", f"{DRAFTS}/spring/documents/doc_a"] = [(200, {"id": "doc_a"})]

    result = rag(service, "draft", "drop", "spring", "a.md", "--corpus", "handbook")

    assert result.stdout == "spring leaves a.md as it is.\n"


def test_sealing_waits_for_the_job(service: CannedService) -> None:
    service.replies["POST", f"{DRAFTS}/spring/seal"] = [(202, job("queued"))]
    service.replies["GET", "/v1/jobs/job_1"] = [(200, job("running", stage="write", done=3)), (200, job("succeeded"))]

    result = rag(service, "draft", "seal", "spring", "--corpus", "handbook")

    assert result.stdout == "spring is sealed; ask it as handbook@draft.\n"
    assert ("POST", f"{DRAFTS}/spring/seal", {"purpose": "preview"}) in service.asked


def test_publishing_can_be_left_to_itself(service: CannedService) -> None:
    service.replies["POST", f"{DRAFTS}/spring/publish"] = [(202, job("queued"))]

    result = rag(service, "draft", "publish", "spring", "--corpus", "handbook", "--no-wait")

    assert result.stdout == "job_1 is queued.\n"


def test_a_job_that_fails_for_good_ends_with_code_1_and_says_what_to_do(service: CannedService) -> None:
    service.replies["POST", f"{DRAFTS}/spring/unseal"] = [(202, job("queued"))]
    service.replies["GET", "/v1/jobs/job_1"] = [(200, job("dead", advice="Ask your operator."))]

    result = rag(service, "draft", "unseal", "spring", "--corpus", "handbook")

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Job job_1 is dead. Ask your operator.\n")


def test_a_conflict_is_told_with_the_documents_it_names(service: CannedService) -> None:
    service.replies["POST", f"{DRAFTS}/spring/publish"] = [(409, {"error": {"message": "Changed since: a.md"}})]

    result = rag(service, "draft", "publish", "spring", "--corpus", "handbook", "--json")

    assert json.loads(result.stderr)["error"]["message"] == "Changed since: a.md"


def test_a_draft_is_discarded(service: CannedService) -> None:
    service.replies["DELETE", f"{DRAFTS}/spring"] = [(200, {"id": "draft_1", "deleted": True})]

    assert rag(service, "draft", "discard", "spring", "--corpus", "handbook").stdout == "spring is discarded.\n"
