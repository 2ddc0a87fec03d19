"""/v1/corpora/{corpus}/retention."""

from typing import Any

import httpx
import pytest

from rag_service.domain.access import Permission
from tests.api.parts import Service

PATH = "/v1/corpora/handbook/retention"


@pytest.fixture(autouse=True)
async def corpus(service: Service) -> str:
    return await service.corpus()


async def test_versions_are_kept_for_a_month_or_among_fifty_unless_told_otherwise(client: httpx.AsyncClient) -> None:
    kept = (await client.get(PATH)).json()

    assert kept == {"object": "corpus.retention", "keep_versions": 50, "keep_days": 30, "versions": 0, "droppable": []}


async def test_what_was_set_is_told(client: httpx.AsyncClient) -> None:
    await client.put(PATH, json={"keep_versions": 3, "keep_days": 0})

    kept = (await client.get(PATH)).json()

    assert (kept["keep_versions"], kept["keep_days"]) == (3, 0)


@pytest.mark.parametrize(
    "body", [{"keep_versions": 0, "keep_days": 1}, {"keep_versions": 1}, {"keep_versions": True, "keep_days": 1}]
)
async def test_at_least_one_version_is_kept(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await client.put(PATH, json=body)).status_code == 400


async def test_only_who_may_publish_is_told(service: Service) -> None:
    async with service.client(await service.key(Permission.CHAT, Permission.HISTORY, Permission.UPLOAD)) as client:
        assert (await client.get(PATH)).status_code == 404
