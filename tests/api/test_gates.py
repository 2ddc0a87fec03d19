"""/v1/corpora/{corpus}/drafts/{draft}/gate: the verdict about a draft, and what people accept of it."""

from typing import Any

import httpx
import pytest

from rag_service.domain.access import Permission
from rag_service.domain.gates import Verdict
from tests.api.gated import DRAFT, judge, sealed_draft
from tests.api.parts import Service

GATE, ACCEPTANCES = f"{DRAFT}/gate", f"{DRAFT}/gate/acceptances"
ALL = {"question_ids": ["golden_apples", "golden_pears"], "reason": "It is meant to be."}


async def gate(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(GATE)).raise_for_status().json()
    return found


async def test_a_blocked_draft_tells_what_is_worse_and_why(service: Service, client: httpx.AsyncClient) -> None:
    await judge(service, await sealed_draft(service))

    found = await gate(client)

    assert (found["state"], found["state_note"]) == ("blocked", "Blocked: 2 golden questions are worse.")
    assert (found["strength"], found["strength_note"]) == (
        "weak",
        "The gate is weak with 2 golden questions; 30 make it a full one.",
    )
    assert found["regressions"][0] == {
        "object": "corpus.draft.gate.regression",
        "question_id": "golden_apples",
        "question": "What about apples?",
        "kind": "lost_citation",
        "explanation": "It no longer cites the passage that holds the answer.",
        "before": {"status": "answered", "text": "Apples are red.", "cited": ["a.md"]},
        "after": {"status": "abstained", "text": "", "cited": []},
        "responsible": [
            {"document_key": "a.md", "cause": "lost_quote", "explanation": "no longer holds the quote"},
        ],
        "hidden": False,
        "acceptance": None,
    }


async def test_without_golden_questions_there_is_no_gate(service: Service, client: httpx.AsyncClient) -> None:
    await service.corpus()
    await client.post("/v1/corpora/handbook/drafts", json={"name": "spring"})

    found = await gate(client)

    assert (found["state"], found["strength"], found["verdict"]) == ("none", "none", None)


async def test_a_draft_that_was_not_asked_says_so(service: Service, client: httpx.AsyncClient) -> None:
    await sealed_draft(service)

    assert (await gate(client))["state"] == "not_asked"


async def test_a_draft_that_could_not_be_measured_says_why(service: Service, client: httpx.AsyncClient) -> None:
    draft = await sealed_draft(service)
    await judge(service, draft, (), verdict=Verdict.UNMEASURED, reason="The model was down.")

    found = await gate(client)

    assert (found["state"], found["reason"]) == ("unmeasured", "The model was down.")


async def test_a_verdict_about_an_earlier_seal_is_no_verdict_about_the_draft_now(
    service: Service, client: httpx.AsyncClient
) -> None:
    draft = await sealed_draft(service)
    await judge(service, draft, number=(draft.number or 0) + 1)

    found = await gate(client)

    assert (found["state"], found["is_current"], found["verdict"]) == ("not_asked", False, "blocked")


async def test_accepting_leaves_a_trace_of_who_when_and_why(service: Service, client: httpx.AsyncClient) -> None:
    await judge(service, await sealed_draft(service))

    found = (await client.post(ACCEPTANCES, json=ALL)).json()

    assert found["state"] == "accepted"
    made = found["regressions"][0]["acceptance"]
    assert (made["accepted_by"], made["reason"]) == (service.scope.key_id, "It is meant to be.")
    assert made["accepted_by_name"] is not None and made["created_at"] > 0
    assert found["acceptances"][0] == made


async def test_one_question_can_be_accepted_alone(service: Service, client: httpx.AsyncClient) -> None:
    await judge(service, await sealed_draft(service))

    found = (await client.post(ACCEPTANCES, json={**ALL, "question_ids": ["golden_pears"]})).json()

    assert (found["state"], found["state_note"]) == ("blocked", "Blocked: 1 golden question is worse.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "  "},
        {"reason": "x" * 2001},
        {"question_ids": []},
        {"question_ids": ["other"]},
        {"x": 1},
    ],
)
async def test_an_acceptance_that_cannot_be_is_refused(
    service: Service, client: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    await judge(service, await sealed_draft(service))

    assert (await client.post(ACCEPTANCES, json=ALL | wrong)).status_code == 400


async def test_what_is_not_blocked_is_not_accepted(service: Service, client: httpx.AsyncClient) -> None:
    await judge(service, await sealed_draft(service), ())

    assert (await client.post(ACCEPTANCES, json=ALL)).status_code == 409


async def test_reading_takes_history_and_accepting_takes_publish(service: Service) -> None:
    await judge(service, await sealed_draft(service))
    reader, asker = await service.key(Permission.HISTORY), await service.key(Permission.CHAT)

    async with service.client(reader) as client:
        assert (await client.get(GATE)).status_code == 200
        assert (await client.post(ACCEPTANCES, json=ALL)).status_code == 404
    async with service.client(asker) as client:
        assert (await client.get(GATE)).status_code == 404


async def test_gates_of_other_tenants_are_not_there(service: Service) -> None:
    await judge(service, await sealed_draft(service))
    secret, _ = await service.other_tenant()

    async with service.client(secret) as client:
        assert (await client.get(GATE)).status_code == 404
        assert (await client.post(ACCEPTANCES, json=ALL)).status_code == 404
