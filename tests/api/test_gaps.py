"""/v1/corpora/{corpus}/gaps, and the page that shows them."""

from typing import Any

import httpx
import pytest

from rag_service import web
from rag_service.domain.access import Permission
from tests.api.parts import Service

PATH = "/v1/corpora/handbook/gaps"
PROPOSE = "/v1/corpora/handbook/golden/from-gap"
REFUNDS = ("refund of course fees", "course fees refund?", "how is a refund of course fees done?")
LONE = "zeppelin timetable"


@pytest.fixture(autouse=True)
async def corpus(service: Service) -> str:
    """A corpus whose answers nobody liked so far."""
    return await service.corpus()


@pytest.fixture
async def disliked(client: httpx.AsyncClient) -> list[str]:
    """The answers to questions about refunds and one more, all of them disliked."""
    return [await dislike(client, question) for question in (*REFUNDS, LONE)]


async def dislike(client: httpx.AsyncClient, question: str) -> str:
    """Ask, give a thumb down, and return the id of the answer."""
    answer_id = await ask(client, question)
    (await client.post(f"/v1/answers/{answer_id}/feedback", json={"rating": "down"})).raise_for_status()
    return answer_id


async def ask(client: httpx.AsyncClient, question: str) -> str:
    body = {"model": "handbook", "messages": [{"role": "user", "content": question}]}
    reply = (await client.post("/v1/chat/completions", json=body)).raise_for_status().json()
    return str(reply["x_rag"]["answer_id"])


async def gaps(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(PATH, params=asked)).raise_for_status().json()
    return found


async def test_disliked_questions_about_one_thing_are_a_gap(client: httpx.AsyncClient, disliked: list[str]) -> None:
    found = await gaps(client)

    (gap,) = found["gaps"]
    assert set(gap["words"]) == {"refund", "course", "fees"}
    assert (gap["questions"], gap["disliked"], gap["abstained"], gap["partial"], gap["people"]) == (3, 3, 0, 0, 1)
    assert [one["question"] for one in gap["examples"]] == [*reversed(REFUNDS)]
    assert (found["questions"], found["truncated"], found["alone"]["questions"]) == (4, False, 1)


async def test_each_wording_is_an_example_once(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await dislike(client, LONE)

    (gap,) = (await gaps(client))["gaps"]

    assert (gap["questions"], len(gap["examples"])) == (3, 1)


async def test_the_window_has_bounds(client: httpx.AsyncClient) -> None:
    assert [(await client.get(PATH, params={"days": days})).status_code for days in (0, 1, 3650, 3651)] == [
        400, 200, 200, 400,
    ]  # fmt: skip


async def test_the_medoid_is_proposed_once_and_marked_from_then_on(
    client: httpx.AsyncClient, disliked: list[str]
) -> None:
    (gap,) = (await gaps(client))["gaps"]
    body = {"answer_id": gap["medoid"]["answer_id"]}

    made, again = [(await client.post(PROPOSE, json=body)).json() for _ in range(2)]

    assert (made["state"], made["origin"], made["origin_ref"]) == ("proposed", "gap", body["answer_id"])
    assert (made["question"], made["answers"], made["quotes"]) == (gap["medoid"]["question"], [], [])
    assert again == made
    assert (gap["is_golden"], (await gaps(client))["gaps"][0]["is_golden"]) == (False, True)


async def test_the_same_question_of_another_answer_is_a_duplicate(client: httpx.AsyncClient) -> None:
    first, second = [await dislike(client, LONE) for _ in range(2)]
    await client.post(PROPOSE, json={"answer_id": first})

    reply = await client.post(PROPOSE, json={"answer_id": second})

    assert (reply.status_code, "proposed" in reply.json()["error"]["message"]) == (409, True)


async def test_what_was_answered_and_not_disliked_is_not_proposed(client: httpx.AsyncClient) -> None:
    reply = await client.post(PROPOSE, json={"answer_id": await ask(client, LONE)})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "answer_id")


async def test_an_answer_of_another_corpus_proposes_nothing_here(
    service: Service, client: httpx.AsyncClient, disliked: list[str]
) -> None:
    await service.corpus("other")

    reply = await client.post("/v1/corpora/other/golden/from-gap", json={"answer_id": disliked[0]})

    assert reply.status_code == 404


async def test_a_key_that_gave_other_answers_finds_and_proposes_none_of_these(
    service: Service, disliked: list[str]
) -> None:
    async with service.client(await service.key(Permission.EVAL, Permission.CHAT)) as colleague:
        found = await gaps(colleague)
        proposed = await colleague.post(PROPOSE, json={"answer_id": disliked[0]})

    assert (found["questions"], proposed.status_code) == (0, 404)


async def test_without_the_permission_eval_there_is_nothing(service: Service, disliked: list[str]) -> None:
    async with service.client(await service.key(Permission.CHAT, Permission.UPLOAD)) as reader:
        replies = [await reader.get(PATH), await reader.post(PROPOSE, json={"answer_id": disliked[0]})]

    assert [reply.status_code for reply in replies] == [404, 404]


@pytest.mark.parametrize(("permission", "status"), [(Permission.EVAL, 200), (Permission.UPLOAD, 404)])
async def test_only_who_may_evaluate_gets_the_page(
    service: Service, corpus: str, permission: Permission, status: int
) -> None:
    web.install(service.app)

    async with service.anonymous() as browser:
        await browser.post("/login", data={"key": await service.key(permission)})
        page = await browser.get(f"/evaluations/corpora/{corpus}/gaps")
        trend = await browser.get(f"/evaluations/corpora/{corpus}")

    assert page.status_code == status
    assert (f"/evaluations/corpora/{corpus}/gaps" in trend.text) is (status == 200)


async def test_those_for_whom_there_is_no_room_are_told_to_come_again(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag_service.use_cases.content_gaps._MOST_WAITING", -1)

    reply = await client.get(PATH)

    assert (reply.status_code, reply.headers["retry-after"]) == (429, "10")
    assert "Try again in a few seconds" in reply.json()["error"]["message"]
