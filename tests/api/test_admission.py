"""Too many questions at once, over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from rag_service.api import early_refusal
from rag_service.api.admission import Admission
from rag_service.settings import LimitSettings
from tests.api.parts import Service
from tests.patience import until

SEARCH = "/v1/vector_stores/handbook/search"
QUESTION = {"model": "handbook", "messages": [{"role": "user", "content": "When does the car park close?"}]}


@pytest.fixture
def admission(service: Service) -> Admission:
    """The admission of the application, with room for one and for one more in line."""
    found: Admission = service.app.state.admission
    found._limits = LimitSettings(at_once=1, waiting=1)
    return found


@pytest.fixture
async def held(service: Service, admission: Admission) -> AsyncIterator[asyncio.Event]:
    """A question that has its place, and one that waits for it, until the event is set."""
    await service.corpus()
    service.parts.ask_question.before_first = go_on = asyncio.Event()
    async with service.client() as client:
        asking = []
        for count in (1, 2):
            asking.append(asyncio.create_task(client.post("/v1/chat/completions", json=QUESTION)))
            await until(lambda count=count: admission._busy + len(admission._line) == count)
        yield go_on
        go_on.set()
        assert [reply.status_code for reply in await asyncio.gather(*asking)] == [200, 200]


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/chat/completions", QUESTION), (SEARCH, {"query": "car park"})], ids=["chat", "search"]
)
async def test_one_too_many_is_told_when_to_come_again(
    client: httpx.AsyncClient, held: asyncio.Event, path: str, body: dict[str, object]
) -> None:
    reply = await client.post(path, json=body)

    assert (reply.status_code, int(reply.headers["retry-after"]) >= 1) == (429, True)
    assert reply.json()["error"]["code"] == "rate_limit_exceeded"
    assert reply.json()["error"]["type"] == "rate_limit_error"
    assert reply.headers["x-request-id"]


async def test_refusals_are_counted_under_the_name_of_their_route(
    client: httpx.AsyncClient, held: asyncio.Event
) -> None:
    await client.post(SEARCH, json={"query": "car park"})

    counted = (await client.get("/metrics")).text

    assert 'route="/v1/vector_stores/{vector_store_id}/search",status="429"} 1.0' in counted


async def test_a_refusal_has_the_request_id_that_was_given_and_is_not_kept(
    client: httpx.AsyncClient, held: asyncio.Event
) -> None:
    reply = await client.post(SEARCH, json={"query": "car park"}, headers={"x-request-id": "mine"})

    assert (reply.status_code, reply.headers["x-request-id"], reply.headers["cache-control"]) == (
        429,
        "mine",
        "no-store",
    )


async def test_many_refusals_are_one_line_of_the_log(
    client: httpx.AsyncClient, held: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_refusal, "_LOGGED_EVERY_S", 1.0)
    with capture_logs() as lines:
        for _ in range(3):
            await client.post(SEARCH, json={"query": "car park"})
        await until(lambda: lines)

    assert [(line["event"], line["count"]) for line in lines] == [("requests_refused", 3)]


@pytest.mark.parametrize("path", ["/livez", "/v1/keys", "/v1/vector_stores", "/v1/jobs"])
async def test_nothing_else_is_refused(client: httpx.AsyncClient, held: asyncio.Event, path: str) -> None:
    assert (await client.get(path)).status_code == 200


async def test_a_place_is_free_again_with_the_first_event(
    service: Service, client: httpx.AsyncClient, admission: Admission
) -> None:
    await service.corpus()
    service.parts.ask_question.after_first = go_on = asyncio.Event()
    asking = asyncio.create_task(client.post("/v1/chat/completions", json=QUESTION))
    await until(lambda: service.parts.ask_question.asked)

    await until(lambda: admission._busy == 0)
    go_on.set()

    assert (await asking).status_code == 200 and admission.arriving == 0


async def test_who_shows_no_key_takes_no_place(service: Service, admission: Admission) -> None:
    async with service.anonymous() as client:
        replies = [await client.post(SEARCH, json={"query": "car park"}) for _ in range(4)]

    assert [reply.status_code for reply in replies] == [401] * 4
    assert (admission._busy, admission.arriving) == (0, 0)
