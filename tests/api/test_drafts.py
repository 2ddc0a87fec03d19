"""/v1/corpora/{corpus}/drafts: from the first change to a version."""

from typing import Any

import httpx
import pytest

from rag_service.domain.access import Permission
from rag_service.reasons import ADVICE, ReasonCode
from tests.api.background import fail, prepare, publish, publish_uploads, seal
from tests.api.parts import Service

DRAFTS = "/v1/corpora/handbook/drafts"


@pytest.fixture(autouse=True)
async def corpus(service: Service) -> str:
    return await service.corpus()


async def opened(client: httpx.AsyncClient, name: str = "spring") -> str:
    draft_id: str = (await client.post(DRAFTS, json={"name": name})).json()["id"]
    return draft_id


async def put(client: httpx.AsyncClient, place: str, content: bytes = b"text", name: str = "a.md") -> dict[str, Any]:
    stored = (await client.post("/v1/files", files={"file": (name, content)})).json()
    added: dict[str, Any] = (await client.post(place, json={"file_id": stored["id"]})).json()
    return added


async def add(client: httpx.AsyncClient, draft: str = "spring", content: bytes = b"text") -> dict[str, Any]:
    return await put(client, f"{DRAFTS}/{draft}/files", content)


async def published(service: Service, client: httpx.AsyncClient, corpus: str) -> str:
    """Publish a.md by a plain upload; return the document's id."""
    file = await put(client, "/v1/vector_stores/handbook/files", b"published")
    await prepare(service, file["document_id"])
    await publish_uploads(service, corpus)
    document_id: str = file["document_id"]
    return document_id


async def changes_of(client: httpx.AsyncClient, draft: str = "spring") -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = (await client.get(f"{DRAFTS}/{draft}")).json()["changes"]
    return changes


async def test_a_draft_is_opened_listed_and_read_by_id_and_name(client: httpx.AsyncClient) -> None:
    made = (await client.post(DRAFTS, json={"name": "spring", "notes": "for May"})).json()

    assert (made["object"], made["state"], made["automatic"], made["base"]) == ("corpus.draft", "open", False, 0)
    assert (await client.get(DRAFTS)).json()["data"] == [made]
    for ref in (made["id"], "spring"):
        assert (await client.get(f"{DRAFTS}/{ref}")).json() == {**made, "changes": []}


async def test_a_name_that_is_taken_is_a_conflict(client: httpx.AsyncClient) -> None:
    await opened(client)

    assert (await client.post(DRAFTS, json={"name": "spring"})).status_code == 409


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a@b"}, {"name": "a", "notes": 3}, {"name": "a", "x": 1}])
async def test_a_draft_that_cannot_be_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await client.post(DRAFTS, json=body)).status_code == 400


async def test_opening_is_repeated_safely(client: httpx.AsyncClient) -> None:
    replies = [
        await client.post(DRAFTS, json={"name": "spring"}, headers={"Idempotency-Key": "open-1"}) for _ in range(2)
    ]

    assert replies[0].json() == replies[1].json()


async def test_a_file_of_a_draft_is_completed_when_it_is_prepared(service: Service, client: httpx.AsyncClient) -> None:
    await opened(client)
    file = await add(client)
    before = (await changes_of(client))[0]

    await prepare(service, file["document_id"])

    assert (file["object"], file["status"], before["state"]) == ("vector_store.file", "in_progress", "in_progress")
    after = (await changes_of(client))[0]
    assert (after["state"], after["document_key"], after["revision"]) == ("completed", "a.md", 1)


async def test_a_file_that_failed_says_why_and_what_to_do(service: Service, client: httpx.AsyncClient) -> None:
    await opened(client)
    file = await add(client)

    await fail(service, file["document_id"], ReasonCode.NO_TEXT)

    change = (await changes_of(client))[0]
    assert (change["state"], change["reason"], change["advice"]) == ("failed", "no_text", ADVICE[ReasonCode.NO_TEXT])


async def test_a_file_in_a_draft_leaves_the_published_one_as_it_is(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    await published(service, client, corpus)
    await opened(client)

    await add(client, content=b"edited")

    listed = (await client.get("/v1/vector_stores/handbook/files")).json()["data"]
    assert [(file["revision"], file["status"]) for file in listed] == [(1, "completed")]


async def test_a_removal_is_a_change_and_can_be_dropped(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    document_id = await published(service, client, corpus)
    await opened(client)

    await client.post(f"{DRAFTS}/spring/removals", json={"document_id": document_id})
    removal = (await changes_of(client))[0]
    dropped = await client.delete(f"{DRAFTS}/spring/documents/{document_id}")

    assert (removal["action"], removal["document_key"], removal["revision"]) == ("remove", "a.md", None)
    assert dropped.json() == {"id": document_id, "object": "corpus.draft.change.deleted", "deleted": True}
    assert await changes_of(client) == []


@pytest.mark.parametrize(("path", "body"), [("seal", {"purpose": "preview"}), ("publish", None)])
async def test_asking_for_a_version_gives_a_job(
    service: Service, client: httpx.AsyncClient, path: str, body: dict[str, str] | None
) -> None:
    draft_id = await opened(client)
    await prepare(service, (await add(client))["document_id"])

    reply = await client.post(f"{DRAFTS}/spring/{path}", json=body)

    assert (reply.status_code, reply.json()["kind"], reply.json()["subject"]) == (202, "seal_draft", draft_id)
    assert (await client.get(f"/v1/jobs/{reply.json()['id']}")).json()["state"] == reply.json()["state"]


async def test_asking_twice_gives_the_same_job(service: Service, client: httpx.AsyncClient) -> None:
    await opened(client)
    await prepare(service, (await add(client))["document_id"])

    jobs = [(await client.post(f"{DRAFTS}/spring/publish")).json()["id"] for _ in range(2)]

    assert jobs[0] == jobs[1]


async def test_a_seal_is_for_a_preview_or_to_publish(client: httpx.AsyncClient) -> None:
    await opened(client)

    reply = await client.post(f"{DRAFTS}/spring/seal", json={"purpose": "fun"})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "purpose")


async def test_a_draft_with_files_in_progress_cannot_be_sealed_and_they_are_named(client: httpx.AsyncClient) -> None:
    await opened(client)
    await add(client)

    reply = await client.post(f"{DRAFTS}/spring/seal", json={"purpose": "preview"})

    assert reply.status_code == 409 and "a.md" in reply.json()["error"]["message"]


async def test_a_document_that_was_published_meanwhile_is_a_conflict_that_names_it(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    document_id = await published(service, client, corpus)
    for draft in ("first", "second"):
        await opened(client, draft)
        file = await add(client, draft, draft.encode())
        await prepare(service, document_id, file["revision"])
    await publish(service, (await client.get(f"{DRAFTS}/first")).json()["id"])

    reply = await client.post(f"{DRAFTS}/second/publish")

    assert reply.status_code == 409 and "a.md" in reply.json()["error"]["message"]


async def test_a_sealed_draft_shows_its_number_and_is_opened_again_by_a_job(
    service: Service, client: httpx.AsyncClient
) -> None:
    draft_id = await opened(client)
    await prepare(service, (await add(client))["document_id"])
    number = await seal(service, draft_id)

    sealed = (await client.get(f"{DRAFTS}/spring")).json()
    reply = await client.post(f"{DRAFTS}/spring/unseal")

    assert (sealed["state"], sealed["number"], sealed["sealed_against"]) == ("sealed", number, 0)
    assert (reply.status_code, reply.json()["kind"]) == (202, "unseal_draft")


async def test_a_sealed_draft_takes_no_more_files(service: Service, client: httpx.AsyncClient) -> None:
    draft_id = await opened(client)
    await prepare(service, (await add(client))["document_id"])
    await seal(service, draft_id)
    stored = (await client.post("/v1/files", files={"file": ("b.md", b"text")})).json()

    assert (await client.post(f"{DRAFTS}/spring/files", json={"file_id": stored["id"]})).status_code == 409


async def test_an_open_draft_cannot_be_opened_again(client: httpx.AsyncClient) -> None:
    await opened(client)

    assert (await client.post(f"{DRAFTS}/spring/unseal")).status_code == 409


async def test_a_discarded_draft_frees_its_name(client: httpx.AsyncClient) -> None:
    draft_id = await opened(client)

    discarded = (await client.delete(f"{DRAFTS}/spring")).json()

    assert discarded == {"id": draft_id, "object": "corpus.draft.deleted", "deleted": True}
    assert (await client.get(DRAFTS)).json()["data"] == []
    assert (await client.post(DRAFTS, json={"name": "spring"})).status_code == 200


async def test_without_permission_a_draft_looks_absent(service: Service, client: httpx.AsyncClient) -> None:
    await opened(client)

    async with service.client(await service.key(Permission.CHAT)) as reader:
        replies = [
            await reader.get(DRAFTS),
            await reader.get(f"{DRAFTS}/spring"),
            await reader.post(DRAFTS, json={"name": "own"}),
            await reader.post(f"{DRAFTS}/spring/removals", json={"document_id": "doc_a"}),
            await reader.delete(f"{DRAFTS}/spring/documents/doc_a"),
            await reader.delete(f"{DRAFTS}/spring"),
        ]

    assert {reply.status_code for reply in replies} == {404}


async def test_whoever_uploads_fills_drafts_and_does_not_publish_them(
    service: Service, client: httpx.AsyncClient
) -> None:
    await opened(client)

    async with service.client(await service.key(Permission.UPLOAD)) as uploader:
        assert (await add(uploader))["status"] == "in_progress"
        for path in ("publish", "unseal"):
            assert (await uploader.post(f"{DRAFTS}/spring/{path}")).status_code == 404


async def test_a_draft_of_another_tenant_looks_absent(service: Service, client: httpx.AsyncClient) -> None:
    draft_id = await opened(client)
    secret, _ = await service.other_tenant()

    async with service.client(secret) as stranger:
        assert (await stranger.get(f"{DRAFTS}/{draft_id}")).status_code == 404
        assert (await stranger.post(f"{DRAFTS}/{draft_id}/publish")).status_code == 404


async def test_a_draft_is_found_in_its_own_corpus_only(service: Service, client: httpx.AsyncClient) -> None:
    draft_id = await opened(client)
    await service.corpus("other")

    assert (await client.get(f"/v1/corpora/other/drafts/{draft_id}")).status_code == 404
