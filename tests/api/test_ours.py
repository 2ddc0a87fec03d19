"""Answers, feedback, keys, login links, models and health."""

import shutil
import time
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from rag_service.domain.access import Permission
from rag_service.errors import CatalogUnavailable, EmbedderUnavailable
from tests.api.parts import QUOTE, Service


async def ask(service: Service, client: httpx.AsyncClient) -> str:
    await service.corpus()
    body = {"model": "handbook", "messages": [{"role": "user", "content": "When?"}]}
    answer_id: str = (await client.post("/v1/chat/completions", json=body)).json()["x_rag"]["answer_id"]
    return answer_id


async def test_an_answer_can_be_read_again(service: Service, client: httpx.AsyncClient) -> None:
    answer_id = await ask(service, client)

    answer = (await client.get(f"/v1/answers/{answer_id}")).json()

    assert (answer["id"], answer["content"], answer["x_rag"]["status"]) == (answer_id, f"{QUOTE} [1]", "answered")
    assert answer["messages"] == [{"role": "user", "content": "When?"}]
    assert answer["citations"][0]["quote"] == QUOTE


async def test_it_says_with_which_filter_it_was_found_so_that_it_can_be_asked_again(
    service: Service, client: httpx.AsyncClient
) -> None:
    await service.corpus()
    wishes = {"filters": {"type": "eq", "key": "year", "value": 2026}, "per_document": 2}
    body = {"model": "handbook", "messages": [{"role": "user", "content": "When?"}], "x_rag": wishes}
    told = (await client.post("/v1/chat/completions", json=body)).json()["x_rag"]

    kept = (await client.get(f"/v1/answers/{told['answer_id']}")).json()["x_rag"]

    assert told["search"] == kept["search"] == wishes | {"passages": 8, "neighbours": 1}


async def test_another_keys_answer_looks_absent(service: Service, client: httpx.AsyncClient) -> None:
    answer_id = await ask(service, client)

    async with service.client(await service.key(Permission.CHAT)) as other:
        assert (await other.get(f"/v1/answers/{answer_id}")).status_code == 404
        assert (await other.post(f"/v1/answers/{answer_id}/feedback", json={"rating": 1})).status_code == 404


@pytest.mark.parametrize(("rating", "kept"), [(1, 1), (-1, -1), ("up", 1), ("down", -1)])
async def test_feedback_is_kept(service: Service, client: httpx.AsyncClient, rating: Any, kept: int) -> None:
    answer_id = await ask(service, client)

    reply = await client.post(f"/v1/answers/{answer_id}/feedback", json={"rating": rating, "comment": "good"})

    assert (reply.json()["rating"], reply.json()["comment"]) == (kept, "good")


@pytest.mark.parametrize("rating", [0, 2, "yes", None, 1.5, True])
async def test_other_ratings_are_refused(client: httpx.AsyncClient, rating: Any) -> None:
    reply = await client.post("/v1/answers/x/feedback", json={"rating": rating})

    assert reply.json()["error"]["param"] == "rating"


async def test_models_are_the_corpora_of_the_key(service: Service, openai: AsyncOpenAI) -> None:
    ids = [await service.corpus(name) for name in ("one", "two")]

    assert [model.id async for model in openai.models.list()] == ["one", "two"]
    assert (await openai.models.retrieve("two")).model_extra == {
        "vector_store_id": ids[1],
        "description": "",
        "version": 0,
    }
    assert (await openai.models.retrieve(ids[0])).id == "one"


async def test_a_keys_secret_is_told_once(client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/keys", json={"name": "k", "permissions": ["chat", "upload"]})).json()

    listed = (await client.get("/v1/keys")).json()["data"][0]
    assert made["permissions"] == ["chat", "upload"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}


async def test_an_expiry_in_the_past_is_refused(client: httpx.AsyncClient) -> None:
    body = {"name": "k", "permissions": ["chat"], "expires_at": int(time.time()) - 1}

    assert (await client.post("/v1/keys", json=body)).json()["error"]["param"] == "expires_at"


async def test_a_misspelt_limit_of_a_key_is_refused(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/keys", json={"name": "k", "permissions": ["chat"], "corpus": ["mine"]})

    assert reply.json()["error"]["param"] == "corpus"


async def test_a_login_link_signs_in_once(service: Service, client: httpx.AsyncClient) -> None:
    url = (await client.post("/v1/login-links")).json()["url"]

    secret, _ = await service.parts.keys.sign_in(url.partition("token=")[2])

    assert (await service.parts.keys.session(secret)).key.scope() == service.scope


async def test_alive_needs_nothing(service: Service) -> None:
    del service.app.state.container
    async with service.anonymous() as client:
        assert (await client.get("/livez")).json() == {"status": "ok"}


def disk(monkeypatch: pytest.MonkeyPatch, *, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=100, free=free))


async def test_a_disk_that_is_nearly_full_is_told_and_the_service_stays_ready(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {}
    for free in (10, 9):
        disk(monkeypatch, free=free)
        async with service.anonymous() as client:
            reply = await client.get("/readyz")
        said[free] = (reply.status_code, reply.json()["checks"]["disk"])

    assert said == {10: (200, "ok"), 9: (200, "low")}


async def test_ready_names_its_parts(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    disk(monkeypatch, free=50)
    async with service.anonymous() as client:
        reply = await client.get("/readyz")

    assert reply.json() == {
        "status": "ready",
        "checks": {"catalog": "ok", "index": "ok", "embedder": "ok", "disk": "ok"},
    }


async def test_while_starting_no_part_is_ready(service: Service) -> None:
    service.app.state.container = None
    async with service.anonymous() as client:
        reply = await client.get("/readyz")

    assert reply.status_code == 503
    assert set(reply.json()["checks"].values()) == {"starting"}
    assert "retry-after" in reply.headers


async def test_not_ready_says_which_part(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cannot_load() -> None:
        raise EmbedderUnavailable("no model")

    disk(monkeypatch, free=50)
    monkeypatch.setattr(service.parts.embedder, "warm_up", cannot_load, raising=False)
    async with service.anonymous() as client:
        reply = await client.get("/readyz")

    assert reply.status_code == 503
    assert reply.json()["checks"] == {"catalog": "ok", "index": "ok", "embedder": "unavailable", "disk": "ok"}
    assert "retry-after" in reply.headers


async def test_a_catalog_that_is_down_is_503(
    service: Service, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> None:
        raise CatalogUnavailable("sqlite:///secret/path")

    monkeypatch.setattr(service.parts.catalog, "reading", down)
    reply = await client.get("/v1/models")

    assert reply.status_code == 503
    assert "secret" not in reply.text


async def test_metrics_name_routes_not_addresses(client: httpx.AsyncClient) -> None:
    await client.get("/v1/files/file-of-someone")

    exposition = (await client.get("/metrics")).text
    assert 'route="/v1/files/{file_id}"' in exposition
    assert "file-of-someone" not in exposition


async def test_the_openapi_document_can_be_made(client: httpx.AsyncClient) -> None:
    assert "/v1/chat/completions" in (await client.get("/openapi.json")).json()["paths"]
