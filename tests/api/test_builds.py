"""/v1/corpora/{corpus}/builds. No worker runs here, so a queued job is starved."""

from dataclasses import replace

import httpx
import pytest

from rag_service.domain.access import Permission
from rag_service.domain.ids import Fingerprint
from rag_service.use_cases.corpora import CreateCorpus
from tests.api.parts import Service, now
from tests.api.wiring import RECIPE

BUILDS = "/v1/corpora/handbook/builds"


@pytest.fixture
async def older(service: Service) -> str:
    """A corpus that was made by a service with other settings."""
    older_service = CreateCorpus(
        catalog=service.parts.catalog, clock=now, fingerprint=Fingerprint("older"), recipe=RECIPE
    )
    return (await older_service(replace(service.scope, corpora=None), name="handbook")).id


async def test_the_build_of_a_corpus_is_told_with_what_it_is_made_of(
    service: Service, client: httpx.AsyncClient
) -> None:
    corpus_id = await service.corpus()

    [build] = (await client.get(BUILDS)).json()["data"]

    assert build | {"created_at": 0} == {
        "id": "build",
        "object": "corpus.build",
        "corpus_id": corpus_id,
        "state": "ready",
        "current": True,
        "own": True,
        "model": "hashing",
        "dimensions": 8,
        "target_tokens": 254,
        "since": 0,
        "synced": 0,
        "done": 0,
        "total": None,
        "created_at": 0,
    }


async def test_a_rebuild_is_a_job_beside_the_build_that_serves(client: httpx.AsyncClient, older: str) -> None:
    reply = await client.post(BUILDS)

    assert reply.status_code == 202
    assert (reply.json()["kind"], reply.json()["corpus_id"], reply.json()["state"]) == ("fill_build", older, "starved")
    builds = (await client.get(BUILDS)).json()["data"]
    assert [(one["id"], one["state"], one["current"], one["own"]) for one in builds] == [
        ("older", "ready", True, False),
        ("build", "filling", False, True),
    ]


async def test_a_corpus_under_the_settings_of_the_service_is_not_rebuilt(
    service: Service, client: httpx.AsyncClient
) -> None:
    await service.corpus()

    assert (await client.post(BUILDS)).status_code == 409


async def test_a_rebuild_that_is_under_way_is_not_started_again(client: httpx.AsyncClient, older: str) -> None:
    await client.post(BUILDS)

    assert (await client.post(BUILDS)).status_code == 409


async def test_builds_are_for_those_who_may_read_versions_and_rebuilds_for_those_who_publish(
    service: Service, older: str
) -> None:
    async with service.client(await service.key(Permission.HISTORY)) as reader:
        assert (await reader.get(BUILDS)).status_code == 200
        assert (await reader.post(BUILDS)).status_code == 404
    async with service.client(await service.key(Permission.CHAT, Permission.UPLOAD)) as uploader:
        assert (await uploader.get(BUILDS)).status_code == 404


async def test_the_job_of_a_rebuild_can_be_cancelled_and_tried_again(client: httpx.AsyncClient, older: str) -> None:
    job = (await client.post(BUILDS)).json()["id"]

    cancelled = await client.post(f"/v1/jobs/{job}/cancel")
    again = await client.post(f"/v1/jobs/{job}/retry")

    assert (cancelled.json()["state"], again.json()["state"]) == ("cancelled", "starved")
