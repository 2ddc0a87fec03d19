"""Erasures over HTTP: asked for, carried out, and told to those who could see what is gone."""

import json
from typing import Any

import httpx
import pytest

from ingestion.bootstrap import carry_out_over
from rag_service.domain.access import Permission, system_scope
from rag_service.domain.ids import ErasureId
from rag_service.ports.catalog import Transaction
from rag_service.signing.service_keys import is_signed_by
from tests.api.parts import Service

ROW = '{"id": "a", "title": "A", "text": "Snow falls."}'


async def upload(service: Service, client: httpx.AsyncClient) -> tuple[str, str]:
    """Return the ids of a document and of its file."""
    corpus = await service.corpus()
    file_id = (await client.post("/v1/corpora/handbook/rows", content=ROW)).json()["data"][0]["id"]
    async with service.parts.catalog.reading() as tx:
        return (await tx.uploads.known(service.scope, corpus, ["a"]))["a"].document.id, file_id


async def carry_out(service: Service, erasure_id: str) -> None:
    async def held(tx: Transaction | None = None) -> None:
        """The job is still ours."""

    async def end(tx: Transaction) -> None:
        """There is no job."""

    await carry_out_over(service.parts)(
        system_scope(service.scope.tenant_id), ErasureId(erasure_id), still_held=held, end=end
    )


async def erase(service: Service, client: httpx.AsyncClient, **body: str) -> dict[str, Any]:
    asked = (await client.post("/v1/erasures", json=body)).json()
    await carry_out(service, asked["id"])
    return (await client.get(f"/v1/erasures/{asked['id']}")).json()


async def test_a_document_is_erased_with_a_receipt(service: Service, client: httpx.AsyncClient) -> None:
    document_id, _ = await upload(service, client)

    reply = await client.post("/v1/erasures", json={"kind": "document", "document_id": document_id})
    done = await erase(service, client, kind="document", document_id=document_id)

    assert (reply.status_code, reply.json()["state"], reply.json()["receipt"]) == (202, "requested", None)
    assert (done["id"], done["state"]) == (reply.json()["id"], "done")
    assert json.loads(done["receipt"])["removed"]["documents"] == 1
    key = (await client.get("/v1/erasures/key")).json()
    assert is_signed_by(key["public_key"], done["receipt"].encode(), done["signature"])
    assert key["public_key"] == done["public_key"]


async def test_what_was_erased_answers_410_with_the_erasure(service: Service, client: httpx.AsyncClient) -> None:
    document_id, file_id = await upload(service, client)
    asked = (await client.post("/v1/erasures", json={"kind": "document", "document_id": document_id})).json()
    places = (
        f"/v1/documents/{document_id}/revisions/1/text",
        f"/v1/files/{file_id}",
        f"/v1/files/{file_id}/content",
        f"/v1/vector_stores/handbook/files/{file_id}",
        f"/v1/vector_stores/handbook/files/{file_id}/content",
    )

    replies = [await client.get(place) for place in places]

    assert [reply.status_code for reply in replies] == [410] * len(places)
    assert {reply.json()["error"]["code"] for reply in replies} == {"erased"}
    assert all(asked["id"] in reply.json()["error"]["message"] for reply in replies)


async def test_others_are_told_that_there_is_no_such_thing(service: Service, client: httpx.AsyncClient) -> None:
    document_id, _ = await upload(service, client)
    await client.put(f"/v1/documents/{document_id}/principals", json={"principals": ["board"]})
    await erase(service, client, kind="document", document_id=document_id)
    place = "/v1/documents/{}/revisions/1/text"

    async with service.client(await service.key(Permission.CHAT)) as other:
        gone, absent = [await other.get(place.format(ref)) for ref in (document_id, "doc_absent")]
    async with service.client(await service.key(principals=frozenset({"board"}))) as board:
        told = await board.get(place.format(document_id))

    assert (gone.status_code, absent.status_code, told.status_code) == (404, 404, 410)
    assert gone.json()["error"]["message"].replace(document_id, "") == absent.json()["error"]["message"].replace(
        "doc_absent", ""
    )


async def test_a_person_is_named_once_and_never_kept(service: Service, client: httpx.AsyncClient) -> None:
    done = await erase(service, client, kind="person", user="ann@example.org")

    assert (done["state"], list(done["subject"])) == ("done", ["end_user"])
    assert "ann@example.org" not in json.dumps(done)
    log = (service.parts.settings.data_dir / "erasures.jsonl").read_text(encoding="utf-8")
    assert done["id"] in log
    assert "ann" not in log


async def test_deleting_a_vector_store_erases_the_corpus(service: Service, client: httpx.AsyncClient) -> None:
    await upload(service, client)
    store = (await client.get("/v1/vector_stores/handbook")).json()["id"]

    reply = await client.delete("/v1/vector_stores/handbook")

    assert reply.json() | {"erasure": ""} == {
        "id": store,
        "object": "vector_store.deleted",
        "deleted": True,
        "erasure": "",
    }
    assert (await client.get(f"/v1/vector_stores/{store}")).status_code == 410
    assert (await client.get("/v1/vector_stores/handbook")).status_code == 404
    assert (await client.get("/v1/vector_stores")).json()["data"] == []


async def test_openais_client_deletes_a_vector_store(service: Service, openai: Any) -> None:
    store = await openai.vector_stores.create(name="short-lived")

    assert (await openai.vector_stores.delete(store.id)).deleted


async def test_erasures_are_listed_for_admins_only(service: Service, client: httpx.AsyncClient) -> None:
    asked = (await client.post("/v1/erasures", json={"kind": "person", "user": "ann"})).json()

    assert [each["id"] for each in (await client.get("/v1/erasures")).json()["data"]] == [asked["id"]]
    async with service.client(await service.key(Permission.PUBLISH, Permission.UPLOAD)) as other:
        replies = [
            await other.get("/v1/erasures"),
            await other.get("/v1/erasures/key"),
            await other.get(f"/v1/erasures/{asked['id']}"),
            await other.post("/v1/erasures", json={"kind": "person", "user": "ann"}),
            await other.delete("/v1/vector_stores/handbook"),
        ]
    assert {reply.status_code for reply in replies} == {404}


@pytest.mark.parametrize(
    "body",
    [{}, {"kind": "planet"}, {"kind": "document"}, {"kind": "person", "user": ""}, {"kind": "person", "user": " "}],
)
async def test_what_is_not_understood_is_refused(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert (await client.post("/v1/erasures", json=body)).status_code == 400


@pytest.mark.parametrize(
    "body", [{"kind": "document", "document_id": "doc_absent"}, {"kind": "corpus", "corpus": "absent"}]
)
async def test_what_never_was_cannot_be_erased(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert (await client.post("/v1/erasures", json=body)).status_code == 404
