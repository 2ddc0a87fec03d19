"""`rag job` against a small service with canned replies."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rag_service.client import ApiError, Client
from tests.unit.canned_service import CannedService, rag, running

JOB: dict[str, Any] = {
    "id": "job_1", "kind": "prepare_revision", "subject": "doc_a/1", "document": "a.pdf", "corpus": "handbook",
    "state": "running", "stage": "parse", "done": 3, "total": 10, "remaining_s": 90.0, "age_s": 12.0, "attempts": 1,
    "reason": None, "advice": None,
}  # fmt: skip
DEAD = JOB | {"state": "dead", "reason": "damaged", "advice": "Upload it again."}
DONE = JOB | {"state": "succeeded", "done": 10}
EVENTS = ("GET", "/v1/jobs/job_1/events")


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def stream(*events: tuple[int, str, dict[str, Any]]) -> str:
    return "".join(f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n" for number, name, data in events)


def test_jobs_are_listed_with_what_they_are_about_and_how_far_they_are(service: CannedService) -> None:
    service.replies["GET", "/v1/jobs"] = [(200, {"data": [JOB], "has_more": False})]

    result = rag(service, "job", "list", "--state", "running", "--corpus", "handbook")

    assert "job_1  running    prepare revision: a.pdf in handbook, parse 3 of 10, about 2 min left" in result.stdout
    assert "state=running&corpus=handbook" in service.asked[0][1]


def test_a_dead_job_is_shown_with_its_advice(service: CannedService) -> None:
    service.replies["GET", "/v1/jobs/job_1"] = [(200, DEAD)]

    result = rag(service, "job", "show", "job_1")

    assert "(damaged)" in result.stdout
    assert result.stdout.endswith("Upload it again.\n")


def test_watching_prints_each_change_as_a_line(service: CannedService) -> None:
    service.replies[EVENTS] = [(200, ": still here\n\n" + stream((1, "progress", JOB), (2, "finished", DONE)))]

    result = rag(service, "job", "watch", "job_1", "--json")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["id"], line["name"], line["job"]["state"]) for line in lines] == [
        (1, "progress", "running"),
        (2, "finished", "succeeded"),
    ]


def test_watching_a_job_that_dies_ends_with_code_1(service: CannedService) -> None:
    service.replies[EVENTS] = [(200, stream((1, "finished", DEAD)))]

    result = rag(service, "job", "watch", "job_1")

    assert result.exit_code == 1
    assert "Upload it again." in result.stdout


def test_watching_goes_on_where_the_stream_broke_off(service: CannedService) -> None:
    service.replies[EVENTS] = [(200, stream((1, "progress", JOB))), (200, stream((2, "finished", DONE)))]

    with Client(service.url, "k") as client:
        events = list(client.watch_job("job_1", pause_s=0))

    assert [event.id for event in events] == [1, 2]


def test_a_revoked_key_ends_watching(service: CannedService) -> None:
    ended = {"error": {"message": "The key was revoked.", "code": "auth_revoked"}}
    service.replies[EVENTS] = [(200, stream((1, "progress", JOB)) + f"event: error\ndata: {json.dumps(ended)}\n\n")]

    with Client(service.url, "k") as client, pytest.raises(ApiError, match="revoked"):
        list(client.watch_job("job_1", pause_s=0))


@pytest.mark.parametrize(
    ("verb", "said"), [("cancel", "job_1 is cancelled."), ("retry", "job_1 is in the queue again.")]
)
def test_a_job_is_changed_by_its_id(service: CannedService, verb: str, said: str) -> None:
    service.replies["POST", f"/v1/jobs/job_1/{verb}"] = [(200, JOB)]

    assert rag(service, "job", verb, "job_1").stdout == f"{said}\n"


def test_purging_asks_for_states_and_age(service: CannedService) -> None:
    service.replies["POST", "/v1/jobs/purge"] = [(200, {"purged": 4})]

    result = rag(service, "job", "purge", "--state", "dead", "--days", "2")

    assert service.asked[0][2] == {"states": ["dead"], "older_than_s": 172800.0}
    assert result.stdout == "4 jobs forgotten.\n"
