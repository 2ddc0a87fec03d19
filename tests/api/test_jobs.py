"""Jobs: seeing them, and what people can do about them."""

import httpx
import pytest

from rag_service.domain.access import Permission
from rag_service.domain.jobs import Priority, revision_of
from rag_service.reasons import ADVICE, ReasonCode
from tests.api.jobs import announce_worker, die, note, succeed, take, upload
from tests.api.parts import Service


@pytest.fixture
async def corpus(service: Service) -> str:
    return await service.corpus()


async def test_a_new_job_says_what_it_is_about(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await announce_worker(service)
    job_id = await upload(service)

    reply = (await client.get(f"/v1/jobs/{job_id}")).json()

    assert (reply["state"], reply["kind"], reply["document"]) == ("queued", "prepare_revision", "a.md")
    assert (reply["corpus"], reply["corpus_id"], reply["priority"]) == ("handbook", corpus, Priority.PERSON)
    assert reply["age_s"] >= 0


async def test_a_job_that_no_worker_serves_is_starved(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    job_id = await upload(service)

    assert (await client.get(f"/v1/jobs/{job_id}")).json()["state"] == "starved"


@pytest.mark.parametrize(("stage", "counted", "other"), [("parse", "pages", "chunks"), ("embed", "chunks", "pages")])
async def test_a_running_job_says_how_far_it_is(
    service: Service, client: httpx.AsyncClient, corpus: str, stage: str, counted: str, other: str
) -> None:
    job_id = await upload(service)
    await note(service, await take(service), stage, 2, 8)

    reply = (await client.get(f"/v1/jobs/{job_id}")).json()

    assert (reply["state"], reply["stage"], reply["attempts"]) == ("running", stage, 1)
    assert (reply[counted], reply[other]) == ({"done": 2, "total": 8}, None)
    assert reply["remaining_s"] >= 0


async def test_a_dead_job_says_why_and_what_to_do(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    job_id = await upload(service)
    await die(service, await take(service))

    reply = (await client.get(f"/v1/jobs/{job_id}")).json()

    assert (reply["state"], reply["reason"]) == ("dead", "damaged")
    assert reply["advice"] == ADVICE[ReasonCode.DAMAGED]
    assert reply["finished_at"] is not None


async def test_jobs_are_listed_newest_first_in_pages(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    jobs = [await upload(service, f"{name}.md") for name in "abc"]

    first = (await client.get("/v1/jobs", params={"limit": 2})).json()
    rest = (await client.get("/v1/jobs", params={"after": first["last_id"]})).json()

    assert [job["id"] for job in first["data"]] == [jobs[2], jobs[1]]
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([jobs[0]], False)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"state": "dead"}, ["a.md"]),
        ({"state": ["dead", "queued"]}, ["b.md", "a.md"]),
        ({"corpus": "other"}, ["b.md"]),
        ({"kind": "seal_draft"}, []),
    ],
)
async def test_jobs_are_listed_by_state_kind_and_corpus(
    service: Service, client: httpx.AsyncClient, corpus: str, asked: dict[str, str], found: list[str]
) -> None:
    await service.corpus("other")
    await upload(service, "a.md")
    await die(service, await take(service))
    await upload(service, "b.md", "other")

    listed = (await client.get("/v1/jobs", params=asked)).json()["data"]

    assert [job["document"] for job in listed] == found


async def test_a_state_that_does_not_exist_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/jobs", params={"state": "tired"})).status_code == 400


async def test_jobs_are_counted_by_state(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await upload(service, "a.md")
    await succeed(service, await take(service))
    await upload(service, "b.md")

    counts = (await client.get("/v1/jobs/counts")).json()

    assert (counts["succeeded"], counts["queued"], counts["starved"], counts["dead"]) == (1, 1, 1, 0)


async def test_a_cancelled_job_is_over_for_its_worker(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    job_id = await upload(service)
    held = await take(service)

    reply = (await client.post(f"/v1/jobs/{job_id}/cancel")).json()

    assert (reply["state"], reply["advice"]) == ("cancelled", ADVICE[ReasonCode.CANCELLED])
    async with service.parts.catalog.writing() as tx:
        assert await tx.jobs.extend([held], now=held.created_at, lease=held.created_at - held.created_at) == frozenset()


async def test_a_job_that_is_over_cannot_be_cancelled(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    job_id = await upload(service)
    await succeed(service, await take(service))

    assert (await client.post(f"/v1/jobs/{job_id}/cancel")).status_code == 409


async def test_a_dead_job_is_tried_again_with_all_its_attempts(
    service: Service, client: httpx.AsyncClient, corpus: str
) -> None:
    await announce_worker(service)
    job_id = await upload(service)
    await die(service, await take(service))

    reply = (await client.post(f"/v1/jobs/{job_id}/retry")).json()

    assert (reply["state"], reply["attempts"], reply["reason"]) == ("queued", 0, None)


async def test_a_running_job_cannot_be_tried_again(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    job_id = await upload(service)
    await take(service)

    assert (await client.post(f"/v1/jobs/{job_id}/retry")).status_code == 409


async def test_purging_forgets_what_is_over(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    over = await upload(service, "a.md")
    await succeed(service, await take(service))
    waiting = await upload(service, "b.md")

    reply = await client.post("/v1/jobs/purge", json={"states": ["succeeded", "dead"]})

    assert reply.json()["purged"] == 1
    assert (await client.get(f"/v1/jobs/{over}")).status_code == 404
    assert (await client.get(f"/v1/jobs/{waiting}")).status_code == 200


async def test_purging_keeps_what_was_over_recently(service: Service, client: httpx.AsyncClient, corpus: str) -> None:
    await upload(service)
    await succeed(service, await take(service))

    reply = await client.post("/v1/jobs/purge", json={"states": ["succeeded"], "older_than_s": 60})

    assert reply.json()["purged"] == 0


async def test_open_jobs_cannot_be_purged(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/jobs/purge", json={"states": ["queued"]})).status_code == 400


@pytest.mark.parametrize("path", ["", "/cancel", "/retry", "/events"])
@pytest.mark.parametrize("who", ["reader", "elsewhere", "stranger"])
async def test_a_job_out_of_sight_is_like_one_that_is_absent(
    service: Service, corpus: str, path: str, who: str
) -> None:
    job_id = await upload(service)
    elsewhere = await service.corpus("other")
    secret = {
        "reader": await service.key(Permission.CHAT, Permission.HISTORY),
        "elsewhere": await service.key(Permission.UPLOAD, Permission.PUBLISH, corpora=frozenset({elsewhere})),
        "stranger": (await service.other_tenant())[0],
    }[who]
    method = "POST" if path in ("/cancel", "/retry") else "GET"

    async with service.client(secret) as client:
        foreign = await client.request(method, f"/v1/jobs/{job_id}{path}")
        absent = await client.request(method, f"/v1/jobs/job_absent{path}")

    assert foreign.status_code == absent.status_code == 404
    assert foreign.text.replace(job_id, "job_absent") == absent.text


async def test_a_key_of_one_corpus_lists_and_counts_the_jobs_of_it(service: Service, corpus: str) -> None:
    await service.corpus("other")
    mine = await upload(service, "a.md")
    await upload(service, "b.md", "other")

    async with service.client(await service.key(Permission.PUBLISH, corpora=frozenset({corpus}))) as client:
        listed = (await client.get("/v1/jobs")).json()["data"]
        counts = (await client.get("/v1/jobs/counts")).json()

    assert [job["id"] for job in listed] == [mine]
    assert counts["queued"] == 1


async def test_who_may_only_publish_cannot_cancel_an_upload(service: Service, corpus: str) -> None:
    job_id = await upload(service)

    async with service.client(await service.key(Permission.PUBLISH)) as client:
        assert (await client.post(f"/v1/jobs/{job_id}/cancel")).status_code == 404


async def test_only_admins_purge(service: Service) -> None:
    async with service.client(await service.key(Permission.UPLOAD, Permission.PUBLISH)) as client:
        assert (await client.post("/v1/jobs/purge", json={"states": ["dead"]})).status_code == 404


async def test_a_job_about_a_hidden_document_names_it_not_and_cannot_be_changed(service: Service, corpus: str) -> None:
    job_id = await upload(service)
    async with service.parts.catalog.writing() as tx:
        document_id, _ = revision_of(await tx.jobs.get(service.scope, job_id))
        await tx.documents.grant(service.scope, document_id, frozenset({"board"}))

    async with service.client(await service.key(Permission.UPLOAD)) as client:
        seen = (await client.get(f"/v1/jobs/{job_id}")).json()
        listed = (await client.get("/v1/jobs")).json()["data"]
        changed = [(await client.post(f"/v1/jobs/{job_id}/{what}")).status_code for what in ("cancel", "retry")]

    assert (seen["subject"], seen["document"], [job["subject"] for job in listed]) == (None, None, [None])
    assert changed == [404, 404]
