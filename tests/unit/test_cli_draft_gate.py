"""`rag draft publish`, `gate` and `accept` against a small service with canned replies."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.canned_service import CannedService, rag, running

DRAFT, BY_ID = "/v1/corpora/handbook/drafts/spring", "/v1/corpora/handbook/drafts/draft_1"
HOW = ("--corpus", "handbook")
WORSE = {
    "question_id": "golden_1",
    "question": "When does it close?",
    "kind": "abstains",
    "explanation": "It is no longer answered.",
    "before": {"status": "answered", "text": "It closes\nat 22:30.", "cited": ["a.md"]},
    "after": {"status": "abstained", "text": "", "cited": []},
    "responsible": [{"document_key": "a.md", "cause": "lost_quote", "explanation": "no longer holds the quote"}],
    "hidden": False,
    "acceptance": None,
}
ACCEPTED = {"accepted_by": "key_1", "accepted_by_name": "Ann", "reason": "It is meant to be."}


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def gate(state: str, *, job: str | None = None, draft: str = "sealed", **more: Any) -> tuple[int, dict[str, Any]]:
    found = {
        "draft_state": draft, "state": state, "state_note": f"It is {state}.", "strength_note": "The gate is weak.",
        "reason": None, "verdict": state, "is_current": True, "regressions": [], "job_id": job,
    }  # fmt: skip
    return 200, found | more


def job(job_id: str, state: str) -> tuple[int, dict[str, Any]]:
    done = {"stage": None, "total": None, "advice": None, "subject": "draft_1"}
    return 200, {"id": job_id, "kind": "seal_draft", "state": state, **done}


def test_publishing_waits_through_the_gate(service: CannedService) -> None:
    service.replies["POST", f"{DRAFT}/publish"] = [job("job_1", "queued")]
    for one in ("job_1", "job_2", "job_3"):
        service.replies["GET", f"/v1/jobs/{one}"] = [job(one, "succeeded")]
    service.replies["GET", f"{BY_ID}/gate"] = [
        gate("being_evaluated", job="job_2"),
        gate("passed", job="job_3"),
        gate("passed", draft="published"),
    ]

    result = rag(service, "draft", "publish", "spring", *HOW)

    assert (result.exit_code, result.stdout) == (0, "spring is published.\n")


def test_a_blocked_publish_shows_what_is_worse_and_ends_with_code_5(service: CannedService) -> None:
    service.replies["POST", f"{DRAFT}/publish"] = [job("job_1", "queued")]
    service.replies["GET", "/v1/jobs/job_1"] = [job("job_1", "succeeded")]
    service.replies["GET", f"{BY_ID}/gate"] = [gate("blocked", regressions=[WORSE])]

    result = rag(service, "draft", "publish", "spring", *HOW)

    assert result.exit_code == 5
    assert result.stdout.splitlines() == [
        "It is blocked.",
        "The gate is weak.",
        "",
        "golden_1  When does it close?",
        "  It is no longer answered.",
        "  published  answered: It closes at 22:30. [a.md]",
        "  draft      abstained: no answer",
        "  because    a.md no longer holds the quote",
        "",
        "spring is not published; ask it as handbook@draft. Mend it, or accept what is worse:",
        "  rag draft accept spring --corpus handbook --question golden_1 --reason …",
    ]


def test_a_blocked_publish_is_told_to_machines_with_the_same_code(service: CannedService) -> None:
    service.replies["POST", f"{DRAFT}/publish"] = [job("job_1", "queued")]
    service.replies["GET", "/v1/jobs/job_1"] = [job("job_1", "succeeded")]
    service.replies["GET", f"{BY_ID}/gate"] = [gate("blocked", regressions=[WORSE])]

    result = rag(service, "draft", "publish", "spring", *HOW, "--json")

    assert (result.exit_code, json.loads(result.stdout)["regressions"]) == (5, [WORSE])


def test_a_seal_that_dies_ends_with_code_1(service: CannedService) -> None:
    service.replies["POST", f"{DRAFT}/publish"] = [job("job_1", "queued")]
    service.replies["GET", "/v1/jobs/job_1"] = [job("job_1", "dead")]
    service.replies["GET", f"{BY_ID}/gate"] = [gate("not_asked", draft="sealing", verdict=None)]

    result = rag(service, "draft", "publish", "spring", *HOW)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Job job_1 is dead.\n")


def test_an_evaluation_that_dies_says_why_and_ends_with_code_5(service: CannedService) -> None:
    service.replies["POST", f"{DRAFT}/publish"] = [job("job_1", "queued")]
    service.replies["GET", "/v1/jobs/job_1"] = [job("job_1", "dead")]
    service.replies["GET", f"{BY_ID}/gate"] = [gate("unmeasured", reason="The model was down.")]

    result = rag(service, "draft", "publish", "spring", *HOW)

    assert result.exit_code == 5
    assert "Reason: The model was down.\nspring is not published." in result.stdout


def test_a_publish_that_others_took_back_ends_with_code_1(service: CannedService) -> None:
    service.replies["POST", f"{DRAFT}/publish"] = [job("job_1", "queued")]
    service.replies["GET", "/v1/jobs/job_1"] = [job("job_1", "succeeded")]
    service.replies["GET", f"{BY_ID}/gate"] = [gate("passed", draft="open")]

    result = rag(service, "draft", "publish", "spring", *HOW)

    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "spring is not published.")


def test_a_gate_shows_who_accepted_what_and_what_the_caller_may_not_see(service: CannedService) -> None:
    hidden = {**WORSE, "question": "", "hidden": True}
    service.replies["GET", f"{DRAFT}/gate"] = [gate("blocked", regressions=[{**WORSE, "acceptance": ACCEPTED}, hidden])]

    result = rag(service, "draft", "gate", "spring", *HOW)

    assert "  accepted   by Ann: It is meant to be." in result.stdout
    assert result.stdout.endswith(
        "golden_1\n  It is no longer answered.\n  Its words are hidden: they are for who may publish and see its documents.\n"
    )


def test_a_verdict_about_an_earlier_seal_says_so(service: CannedService) -> None:
    service.replies["GET", f"{DRAFT}/gate"] = [gate("not_asked", is_current=False, reason="The model was down.")]

    result = rag(service, "draft", "gate", "spring", *HOW)

    assert result.stdout.splitlines()[2:] == [
        "The verdict is about an earlier seal of this draft.",
        "Reason: The model was down.",
    ]


def test_accepting_says_what_is_left(service: CannedService) -> None:
    left = {**WORSE, "question_id": "golden_2"}
    regressions = [{**WORSE, "acceptance": ACCEPTED}, left]
    service.replies["POST", f"{DRAFT}/gate/acceptances"] = [gate("blocked", regressions=regressions)]

    result = rag(service, "draft", "accept", "spring", *HOW, "--question", "golden_1", "--reason", "why")

    assert result.stdout == "1 accepted. Still to accept: golden_2.\n"
    assert service.asked[-1][2] == {"question_ids": ["golden_1"], "reason": "why"}


def test_when_all_is_accepted_the_next_command_is_named(service: CannedService) -> None:
    regressions = [{**WORSE, "acceptance": ACCEPTED}]
    service.replies["POST", f"{DRAFT}/gate/acceptances"] = [gate("accepted", regressions=regressions)]

    result = rag(service, "draft", "accept", "spring", *HOW, "--question", "golden_1", "--reason", "why")

    assert result.stdout == "1 accepted. Publish it: rag draft publish spring --corpus handbook\n"
