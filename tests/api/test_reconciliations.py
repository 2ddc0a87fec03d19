"""Reconciliations, and who may see a document."""

import hashlib

import httpx
import pytest

from rag_service.domain.access import Permission
from rag_service.domain.documents import StoredFile
from rag_service.domain.ids import FileId
from tests.api.parts import Service, now

LOST = hashlib.sha256(b"lost").hexdigest()


async def lose_a_file(service: Service) -> None:
    lost = StoredFile(
        id=FileId("file-lost"),
        tenant_id=service.scope.tenant_id,
        filename="lost.md",
        purpose="assistants",
        size_bytes=4,
        sha256=LOST,
        created_at=now(),
    )
    async with service.parts.catalog.writing() as tx:
        await tx.files.add(service.scope, lost)


async def test_nothing_is_found_where_everything_agrees(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/reconciliations", json={"dry_run": False})

    assert reply.json() == {"object": "reconciliation", "dry_run": False, "findings": []}


async def test_findings_are_told_and_counted(service: Service, client: httpx.AsyncClient) -> None:
    await lose_a_file(service)

    reply = await client.post("/v1/reconciliations", json={})

    assert reply.json()["dry_run"] is True
    assert reply.json()["findings"] == [
        {"kind": "missing_blob", "found": 1, "mended": 0, "examples": [{"subject": LOST, "corpus_id": None}]}
    ]
    metrics = (await client.get("/metrics")).text
    assert 'rag_reconciliation_findings_total{kind="missing_blob",outcome="left"} 1.0' in metrics


@pytest.mark.parametrize("body", [{"corpus": "absent"}, {"corpus": "handbook", "dry_run": True}])
async def test_only_who_administers_may_reconcile(service: Service, client: httpx.AsyncClient, body) -> None:
    await service.corpus()

    async with service.client(await service.key(Permission.PUBLISH, Permission.UPLOAD)) as other:
        assert (await other.post("/v1/reconciliations", json=body)).status_code == 404
    absent = body["corpus"] == "absent"
    assert (await client.post("/v1/reconciliations", json=body)).status_code == (404 if absent else 200)


async def upload(service: Service, client: httpx.AsyncClient) -> str:
    corpus = await service.corpus()
    row = '{"id": "a", "title": "A", "text": "Snow falls."}'
    await client.post("/v1/corpora/handbook/rows", content=row)
    async with service.parts.catalog.reading() as tx:
        return (await tx.uploads.known(service.scope, corpus, ["a"]))["a"].document.id


async def test_the_principals_of_a_document_are_replaced(service: Service, client: httpx.AsyncClient) -> None:
    document_id = await upload(service, client)

    reply = await client.put(f"/v1/documents/{document_id}/principals", json={"principals": ["legal", "board"]})

    assert reply.json() == {
        "object": "document.principals",
        "document_id": document_id,
        "principals": ["board", "legal"],
    }


async def test_who_cannot_see_a_document_cannot_grant_it(service: Service, client: httpx.AsyncClient) -> None:
    document_id = await upload(service, client)
    await client.put(f"/v1/documents/{document_id}/principals", json={"principals": ["board"]})

    async with service.client(await service.key(Permission.UPLOAD)) as other:
        body = {"principals": ["everyone"]}
        assert (await other.put(f"/v1/documents/{document_id}/principals", json=body)).status_code == 404


async def test_a_document_has_somebody_who_may_see_it(service: Service, client: httpx.AsyncClient) -> None:
    document_id = await upload(service, client)

    reply = await client.put(f"/v1/documents/{document_id}/principals", json={"principals": []})

    assert reply.status_code == 400
