"""/v1/corpora/{corpus}/versions, publications and labels."""

import httpx
import pytest

from rag_service.domain.access import Permission
from tests.api.background import prepare, publish_uploads, seal
from tests.api.parts import Service

CORPUS = "/v1/corpora/handbook"


@pytest.fixture(autouse=True)
async def corpus(service: Service) -> str:
    return await service.corpus()


async def upload(service: Service, client: httpx.AsyncClient, place: str, name: str, text: str) -> str:
    stored = (await client.post("/v1/files", files={"file": (name, text.encode())})).json()
    file = (await client.post(place, json={"file_id": stored["id"]})).json()
    await prepare(service, file["document_id"], file["revision"], text)
    document_id: str = file["document_id"]
    return document_id


async def edit(service: Service, client: httpx.AsyncClient, corpus: str, text: str, name: str = "a.md") -> str:
    """Publish a text as the next version; return the document's id."""
    document_id = await upload(service, client, "/v1/vector_stores/handbook/files", name, text)
    await publish_uploads(service, corpus)
    return document_id


async def preview(service: Service, client: httpx.AsyncClient) -> int:
    """Seal a draft that nobody publishes."""
    draft = (await client.post(f"{CORPUS}/drafts", json={"name": "spring"})).json()
    await upload(service, client, f"{CORPUS}/drafts/spring/files", "b.md", "More.")
    return await seal(service, draft["id"])


async def test_versions_are_listed_newest_first_with_the_published_one_marked(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    for text in ("One.", "Two."):
        await edit(service, client, corpus, text)

    versions = (await client.get(f"{CORPUS}/versions")).json()["data"]

    assert [(one["object"], one["number"], one["current"]) for one in versions] == [
        ("corpus.version", 2, True),
        ("corpus.version", 1, False),
    ]
    assert all(one["published_at"] and one["document_count"] == 1 for one in versions)


async def test_the_list_goes_on_after_its_last_number(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    for text in ("One.", "Two.", "Three."):
        await edit(service, client, corpus, text)

    first = (await client.get(f"{CORPUS}/versions", params={"limit": 2})).json()
    rest = (await client.get(f"{CORPUS}/versions", params={"limit": 2, "after": first["last_id"]})).json()

    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [one["number"] for one in first["data"] + rest["data"]] == [3, 2, 1]


async def test_a_version_is_read_by_its_number(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await edit(service, client, corpus, "One.")

    assert (await client.get(f"{CORPUS}/versions/1")).json() == (await client.get(f"{CORPUS}/versions")).json()["data"][
        0
    ]
    assert (await client.get(f"{CORPUS}/versions/2")).status_code == 404


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**31)])
async def test_what_is_no_number_is_refused(client: httpx.AsyncClient, number: str) -> None:
    assert (await client.get(f"{CORPUS}/versions/{number}")).status_code == 400


async def test_an_old_version_is_published_again_and_the_log_tells_it(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    for text in ("One.", "Two."):
        await edit(service, client, corpus, text)

    switched = (await client.post(f"{CORPUS}/versions/1/publish")).json()

    assert (switched["object"], switched["number"], switched["previous"]) == ("corpus.publication", 1, 2)
    assert (await client.get("/v1/vector_stores/handbook")).json()["version"] == 1
    log = (await client.get(f"{CORPUS}/publications")).json()["data"]
    assert [(one["number"], one["key_id"] is not None) for one in log] == [(1, True), (2, False), (1, False)]


async def test_what_is_published_already_is_a_conflict(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    await edit(service, client, corpus, "One.")

    assert (await client.post(f"{CORPUS}/versions/1/publish")).status_code == 409


async def test_a_sealed_draft_is_published_by_its_draft_only(service: Service, client: httpx.AsyncClient) -> None:
    number = await preview(service, client)

    reply = await client.post(f"{CORPUS}/versions/{number}/publish")

    assert reply.status_code == 409 and "draft" in reply.json()["error"]["message"]


async def test_a_sealed_draft_is_a_version_for_those_who_publish_only(
    service: Service, client: httpx.AsyncClient
) -> None:
    number = await preview(service, client)

    async with service.client(await service.key(Permission.HISTORY)) as reader:
        assert (await client.get(f"{CORPUS}/versions/{number}")).json()["published_at"] is None
        assert (await reader.get(f"{CORPUS}/versions/{number}")).status_code == 404
        assert (await reader.get(f"{CORPUS}/versions")).json()["data"] == []


async def test_a_difference_names_documents_by_what_became_of_them(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    await edit(service, client, corpus, "One.")
    await edit(service, client, corpus, "Edited.")
    await edit(service, client, corpus, "New.", name="b.md")

    found = (await client.get(f"{CORPUS}/versions/diff", params={"from": 1, "to": 3})).json()

    assert (found["object"], found["from"], found["to"]) == ("corpus.version.diff", 1, 3)
    assert [one["document_key"] for one in found["added"]] == ["b.md"]
    changed = found["changed"][0]
    assert (changed["document_key"], changed["revision_before"], changed["revision_after"]) == ("a.md", 1, 2)
    assert set(found["chunks"]) == {"added", "removed", "kept"}


async def test_the_text_of_a_document_is_compared(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await edit(service, client, corpus, "It is blue.")
    document_id = await edit(service, client, corpus, "It is green.")
    params = {"from": 1, "to": 2, "document_id": document_id}

    found = (await client.get(f"{CORPUS}/versions/diff", params=params)).json()

    assert (found["object"], found["document"]["document_key"]) == ("corpus.version.document_diff", "a.md")
    assert [(hunk["removed"], hunk["added"]) for hunk in found["hunks"]] == [("It is blue.", "It is green.")]


async def test_a_difference_needs_both_ends(client: httpx.AsyncClient) -> None:
    reply = await client.get(f"{CORPUS}/versions/diff", params={"from": 1})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "to")


async def test_a_difference_to_an_absent_version_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{CORPUS}/versions/diff", params={"from": 0, "to": 9})).status_code == 404


async def test_a_label_moves_from_version_to_version_and_goes(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    for text in ("One.", "Two."):
        await edit(service, client, corpus, text)
    for number in (1, 2):
        labelled = (await client.put(f"{CORPUS}/labels/spring", json={"version": number})).json()

    first = (await client.get(f"{CORPUS}/versions/1")).json()
    gone = (await client.delete(f"{CORPUS}/labels/spring")).json()

    assert (labelled["number"], labelled["labels"], first["labels"]) == (2, ["spring"], [])
    assert gone == {"id": "spring", "object": "corpus.label.deleted", "deleted": True}
    assert (await client.delete(f"{CORPUS}/labels/spring")).status_code == 404


@pytest.mark.parametrize("label", ["12", "draft", "a@b"])
async def test_a_label_that_would_mean_something_else_is_refused(
    service: Service, client: httpx.AsyncClient, corpus: str, label: str
) -> None:
    await edit(service, client, corpus, "One.")

    assert (await client.put(f"{CORPUS}/labels/{label}", json={"version": 1})).status_code == 400


async def test_notes_replace_notes(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await edit(service, client, corpus, "One.")

    for notes in ("Draft of the review.", "Checked."):
        noted = (await client.patch(f"{CORPUS}/versions/1", json={"notes": notes})).json()

    assert (noted["notes"], (await client.get(f"{CORPUS}/versions/1")).json()["notes"]) == ("Checked.", "Checked.")


async def test_history_reads_and_does_not_change(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await edit(service, client, corpus, "One.")

    async with service.client(await service.key(Permission.HISTORY)) as reader:
        assert (await reader.get(f"{CORPUS}/versions/1")).status_code == 200
        changes = [
            await reader.post(f"{CORPUS}/versions/1/publish"),
            await reader.patch(f"{CORPUS}/versions/1", json={"notes": "x"}),
            await reader.put(f"{CORPUS}/labels/spring", json={"version": 1}),
            await reader.delete(f"{CORPUS}/labels/spring"),
        ]

    assert {reply.status_code for reply in changes} == {404}


@pytest.mark.parametrize("path", ["versions", "versions/1", "versions/diff?from=0&to=1", "publications"])
async def test_without_permission_versions_look_absent(
    service: Service, client: httpx.AsyncClient, corpus: str, path: str
) -> None:
    await edit(service, client, corpus, "One.")

    async with service.client(await service.key(Permission.CHAT, Permission.UPLOAD)) as reader:
        assert (await reader.get(f"{CORPUS}/{path}")).status_code == 404
