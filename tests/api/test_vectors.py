"""/v1/corpora/{corpus}/vectors."""

import json
from typing import Any

import httpx

from rag_service.domain.access import Permission
from rag_service.domain.fingerprints import digest_of
from rag_service.embedding.hashing import HashingEmbedder
from tests.api.parts import Service

PATH = "/v1/corpora/handbook/vectors"


def line(name: str, **changes: Any) -> str:
    return json.dumps({"id": name, "text": "Snow falls.", "vector": [1.0] * 8} | changes)


async def test_the_service_says_which_vectors_it_wants(service: Service, client: httpx.AsyncClient) -> None:
    await service.corpus()

    wanted = (await client.get(PATH)).json()

    fingerprint = HashingEmbedder(8).fingerprint
    assert (wanted["dimensions"], wanted["model"]) == (8, fingerprint.model)
    assert wanted["embedder"] == digest_of(fingerprint)


async def test_vectors_are_kept_for_rows_of_one_chunk(service: Service, client: httpx.AsyncClient) -> None:
    await service.corpus()

    reply = await client.post(PATH, content="\n".join([line("a"), line("b", text="Snow. " * 500)]))

    assert reply.json()["data"] == [{"document_key": "a", "kept": True}, {"document_key": "b", "kept": False}]


async def test_a_vector_that_cannot_be_used_is_refused_with_its_line(
    service: Service, client: httpx.AsyncClient
) -> None:
    await service.corpus()

    reply = await client.post(PATH, content="\n".join([line("a"), line("b", vector=[float("nan")] * 8)]))

    assert reply.status_code == 400
    assert reply.json()["error"]["message"] == "line 2: the vector holds a value that is not finite."


async def test_to_a_key_that_may_not_the_corpus_looks_absent(service: Service) -> None:
    await service.corpus()

    async with service.client(await service.key(Permission.UPLOAD)) as other:
        assert (await other.get(PATH)).status_code == 404
        assert (await other.post(PATH, content=line("a"))).status_code == 404
