"""Every error is a real status with OpenAI's envelope, and tells nobody more than they may know."""

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect

from rag_service import errors
from rag_service.api import install
from rag_service.reasons import ReasonCode
from tests.api.parts import PUBLIC_URL, Service

CASES = [
    (errors.InvalidRequest("no", param="name", code="bad"), 400, "invalid_request_error", "bad"),
    (errors.DocumentRejected(ReasonCode.DAMAGED), 400, "invalid_request_error", "damaged"),
    (errors.Unauthenticated("no"), 401, "authentication_error", "invalid_api_key"),
    (errors.NotFound("corpus", "x"), 404, "invalid_request_error", "not_found"),
    (errors.Conflict("no"), 409, "invalid_request_error", "conflict"),
    (errors.EngineLetGo("no"), 409, "invalid_request_error", "conflict"),
    (errors.SlotTaken("no"), 409, "invalid_request_error", "conflict"),
    (errors.DataDamaged("no"), 500, "server_error", "data_damaged"),
    (errors.LeaseLost("no"), 409, "invalid_request_error", "conflict"),
    (errors.Gone("no"), 410, "invalid_request_error", "erased"),
    (errors.TooLarge("no"), 413, "invalid_request_error", "too_large"),
    (errors.LimitExceeded("no", retry_after_s=2.5), 429, "rate_limit_error", "rate_limit_exceeded"),
    (errors.Misconfigured("secret"), 500, "server_error", None),
    (errors.RagError("secret"), 500, "server_error", None),
    (errors.DependencyUnavailable("secret"), 503, "server_error", "unavailable"),
    (errors.CatalogUnavailable("secret"), 503, "server_error", "catalog_unavailable"),
    (errors.IndexUnavailable("secret"), 503, "server_error", "index_unavailable"),
    (errors.BlobsUnavailable("secret"), 503, "server_error", "blobs_unavailable"),
    (errors.SourceRefused("no"), 400, "invalid_request_error", "source_refused"),
    (errors.SourceUnavailable("secret"), 503, "server_error", "source_unavailable"),
    (errors.EmbedderUnavailable("secret"), 503, "server_error", "embedder_unavailable"),
    (errors.RerankerUnavailable("secret"), 503, "server_error", "unavailable"),
    (errors.GeneratorUnavailable("secret"), 503, "server_error", "generator_unavailable"),
    (ZeroDivisionError("secret"), 500, "server_error", "internal_error"),
    (ClientDisconnect(), 499, "invalid_request_error", "client_disconnected"),
]


async def reply_to(exc: Exception) -> httpx.Response:
    app = FastAPI()
    install(app)

    @app.get("/v1/broken")
    async def broken() -> None:
        raise exc

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        return await client.get("/v1/broken")


@pytest.mark.parametrize(("exc", "status", "kind", "code"), CASES, ids=lambda case: type(case).__name__)
async def test_an_error_has_its_status_and_the_envelope(exc: Exception, status: int, kind: str, code: str) -> None:
    reply = await reply_to(exc)

    error = reply.json()["error"]
    assert reply.status_code == status
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == (kind, code)
    assert "secret" not in reply.text


def test_every_error_class_is_covered_here() -> None:
    def kinds(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*(kinds(child) for child in kind.__subclasses__()))

    ours = {kind for kind in kinds(errors.RagError) if kind.__module__ == "rag_service.errors"}
    assert ours <= {type(exc) for exc, *_ in CASES}


async def test_a_limit_says_when_to_come_back() -> None:
    assert (await reply_to(errors.LimitExceeded("no", retry_after_s=2.5))).headers["retry-after"] == "3"


async def test_a_broken_dependency_says_when_to_come_back() -> None:
    assert int((await reply_to(errors.IndexUnavailable("no"))).headers["retry-after"]) > 0


async def test_an_unexpected_error_is_logged_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    await reply_to(ZeroDivisionError("a person's text"))

    logged = "".join(capsys.readouterr())
    assert "ZeroDivisionError" in logged
    assert "a person's text" not in logged


async def test_every_reply_has_a_request_id(service: Service) -> None:
    async with service.anonymous() as client:
        replies = [await client.get(path) for path in ("/livez", "/v1/models", "/nowhere")]

    ids = {reply.headers["x-request-id"] for reply in replies}
    assert len(ids) == len(replies)


async def test_even_a_crash_has_a_request_id() -> None:
    assert (await reply_to(ZeroDivisionError())).headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(("given", "kept"), [("trace-1.a_B", True), ("a b", False), ("x" * 65, False), ("<s>", False)])
async def test_only_a_harmless_request_id_is_taken_over(service: Service, given: str, kept: bool) -> None:
    async with service.anonymous() as client:
        reply = await client.get("/livez", headers={"x-request-id": given})

    assert (reply.headers["x-request-id"] == given) is kept


async def test_an_unknown_route_is_404_in_the_envelope(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v1/nothing")

    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not_found"


async def test_a_wrong_method_is_405_in_the_envelope(client: httpx.AsyncClient) -> None:
    reply = await client.put("/v1/models")

    assert reply.status_code == 405
    assert reply.json()["error"]["code"] == "method_not_allowed"
    assert "GET" in reply.headers["allow"]


async def test_replies_of_the_api_are_not_cached(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/models")).headers["cache-control"] == "no-store"


async def test_while_starting_the_api_asks_to_come_back() -> None:
    app = FastAPI()
    install(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        reply = await client.get("/v1/models", headers={"authorization": "Bearer x"})

    assert reply.status_code == 503
    assert "retry-after" in reply.headers
