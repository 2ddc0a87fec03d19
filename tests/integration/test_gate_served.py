"""The whole service, with its real processes: golden questions keep a harmful draft from going live until it is accepted."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag_service.client import Client
from tests.faults.uploading import settled, upload
from tests.integration.evaluating import HOUSE, QUESTIONS
from tests.patience import PATIENCE_S
from tests.running import RunningService, start_service, stop_service

SETTINGS = {
    "RAG_EMBEDDING__BACKEND": "hashing",
    "RAG_SAMPLE_CORPUS": "false",
    "RAG_JOBS__DRAFT_PATIENCE_S": "0",
    "RAG_EVALUATION__POLL_S": "0.2",
}
CORPUS = "house"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    running = start_service(tmp_path / "data", **SETTINGS)
    yield running
    stop_service(running)


def golden_lines() -> bytes:
    rows = [
        {"question": question, "document": f"{key}.md", "quote": quote} for key, (question, quote) in QUESTIONS.items()
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()


def fill(service: RunningService) -> str:
    """Publish the corpus, and return the id of the document that a question needs."""
    with service.client() as http:
        http.post("/v1/vector_stores", json={"name": CORPUS}).raise_for_status()
        files = {key: upload(http, CORPUS, f"{key}.md", text.encode()) for key, text in HOUSE.items()}
        return str(settled(http, CORPUS, files)["parking"]["document_id"])


def until_draft_is(client: Client, state: str) -> dict[str, Any]:
    """Return the gate once the draft is in a state and nothing more is done for it."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while (gate := client.gate(CORPUS, "spring"))["draft_state"] != state or gate["job_id"]:
        assert time.monotonic() < deadline, gate
        time.sleep(0.2)
    return gate


@pytest.mark.slow
def test_a_draft_without_the_gold_document_is_blocked_by_name_and_published_when_accepted(
    service: RunningService,
) -> None:
    document_id = fill(service)
    with Client(service.url, service.key) as client, service.client() as http:
        assert client.import_golden(CORPUS, golden_lines())["added"] == len(QUESTIONS)
        draft_id = client.open_draft(CORPUS, "spring")["id"]
        client.remove_in_draft(CORPUS, "spring", document_id)

        client.publish_draft(CORPUS, "spring")
        gate = until_draft_is(client, "sealed")

        (lost,) = gate["regressions"]
        assert (gate["verdict"], lost["question"]) == ("blocked", QUESTIONS["parking"][0])
        assert [one["document_key"] for one in lost["responsible"]] == ["parking.md"]
        client.accept_regressions(CORPUS, "spring", [lost["question_id"]], reason="The car park is closed for good.")
        client.publish_draft(CORPUS, "spring")
        until_published(http, draft_id)


def until_published(http: Any, draft_id: str) -> None:
    deadline = time.monotonic() + 2 * PATIENCE_S
    while http.get(f"/v1/corpora/{CORPUS}/drafts/{draft_id}").raise_for_status().json()["state"] != "published":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert 'rag_evaluation_blocked_drafts{corpus="' in http.get("/metrics").text
