"""Uploads that come faster than they are read."""

import httpx
import pytest

from rag_service.settings import UploadSettings
from rag_service.use_cases.backlog import RETRY_AFTER_S
from tests.api.jobs import succeed, take, upload
from tests.api.parts import Service

SIZE = len("a.md")


@pytest.fixture
async def corpus(service: Service) -> str:
    return await service.corpus()


def allow(service: Service, **limits: int) -> None:
    service.parts.uploads._settings = UploadSettings(**limits)


async def attach(service: Service, corpus: str, name: str) -> httpx.Response:
    async with service.client() as client:
        file_id = (await client.post("/v1/files", files={"file": (name, name.encode())})).json()["id"]
        return await client.post(f"/v1/vector_stores/{corpus}/files", json={"file_id": file_id})


@pytest.mark.parametrize("limit", ["max_waiting_bytes", "max_waiting_bytes_per_tenant"])
async def test_a_file_is_put_off_while_as_much_as_there_is_room_for_waits(
    service: Service, corpus: str, limit: str
) -> None:
    allow(service, **{limit: 2 * SIZE})
    taken = [(await attach(service, corpus, name)).status_code for name in ("a.md", "b.md")]

    refused = await attach(service, corpus, "c.md")

    assert (taken, refused.status_code) == ([200, 200], 429)
    assert refused.headers["retry-after"] == str(int(RETRY_AFTER_S))
    assert "/v1/jobs/counts" in refused.json()["error"]["message"]


async def test_a_file_is_taken_when_what_waited_is_done(service: Service, corpus: str) -> None:
    allow(service, max_waiting_bytes_per_tenant=SIZE)
    await upload(service)
    before = (await attach(service, corpus, "b.md")).status_code

    await succeed(service, await take(service))

    assert (before, (await attach(service, corpus, "b.md")).status_code) == (429, 200)


async def test_a_file_larger_than_the_room_is_taken_when_nothing_waits(service: Service, corpus: str) -> None:
    allow(service, max_waiting_bytes=1, max_waiting_bytes_per_tenant=1)

    assert (await attach(service, corpus, "a.md")).status_code == 200


async def test_what_is_there_already_is_never_put_off(service: Service, corpus: str) -> None:
    allow(service, max_waiting_bytes_per_tenant=SIZE)
    await upload(service)

    assert (await attach(service, corpus, "a.md")).status_code == 200


async def test_another_tenant_has_room_of_its_own(service: Service, corpus: str) -> None:
    allow(service, max_waiting_bytes_per_tenant=SIZE)
    await upload(service)
    secret, scope = await service.other_tenant()
    theirs = (await service.parts.create_corpus(scope, name="theirs")).id

    async with service.client(secret) as client:
        file_id = (await client.post("/v1/files", files={"file": ("b.md", b"b.md")})).json()["id"]
        reply = await client.post(f"/v1/vector_stores/{theirs}/files", json={"file_id": file_id})

    assert reply.status_code == 200


async def test_counts_say_how_many_bytes_wait(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await upload(service)
    await upload(service, "bb.md")
    before = (await client.get("/v1/jobs/counts")).json()["waiting_bytes"]

    await succeed(service, await take(service))

    assert (before, (await client.get("/v1/jobs/counts")).json()["waiting_bytes"]) == (2 * SIZE + 1, SIZE + 1)
