"""FAULTS 25: hundreds of people ask the same at the same moment, of a service that has never heard it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE_S, until
from tests.running import RunningService, start_service, stop_service
from tests.slow_model import SlowModel, slow_model

pytestmark = pytest.mark.slow

HERD = 500
CORPUS = "office"
FACT = "The car park closes at 22:30 every evening."
OTHER = "The keys of the gate are kept by the porter."
QUESTION = "When does the car park close every evening?"
PAUSE_S = 1.0


@dataclass(frozen=True)
class Place:
    """A service, and the model that it asks."""

    service: RunningService
    model: SlowModel

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.service.url,
            headers={"authorization": f"Bearer {self.service.key}"},
            timeout=PATIENCE_S,
            limits=httpx.Limits(max_connections=None),
        )


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with slow_model(f"{FACT} [1] ", f"{OTHER} [1]", pause_s=PAUSE_S) as model:
        settings = {
            "RAG_SAMPLE_CORPUS": "false",
            "RAG_EMBEDDING__BACKEND": "hashing",
            "RAG_GENERATION__BACKEND": "openai",
            "RAG_GENERATION__BASE_URL": model.url,
            "RAG_GENERATION__MODEL": "slow",
            "RAG_ANSWERS__ANSWERABILITY_THRESHOLD": "0",
            "RAG_LOG__LEVEL": "warning",
            # However slow the machine is, they are one burst.
            "RAG_LIMITS__BURST_S": str(PATIENCE_S),
            "RAG_LIMITS__WAIT_S": str(PATIENCE_S),
        }
        service = await asyncio.to_thread(start_service, tmp_path / "data", **settings)
        try:
            place = Place(service, model)
            await _fill(place)
            yield place
        finally:
            await asyncio.to_thread(stop_service, service)


async def test_five_hundred_are_answered_by_one_generation(place: Place) -> None:
    async with place.client() as client:
        replies = await asyncio.gather(*(_ask(client, stream=number % 2 == 0) for number in range(HERD)))

    assert place.model.asked == 1
    assert {reply["text"] for reply in replies} == {f"{FACT} [1] {OTHER} [1]"}
    assert len({reply["answer_id"] for reply in replies}) == HERD
    assert sorted(reply["cached"] for reply in replies) == [False] + [True] * (HERD - 1)


async def test_the_model_is_left_when_the_last_of_them_has_gone(place: Place) -> None:
    async with place.client() as client:
        asking = [asyncio.create_task(_ask(client, stream=True)) for _ in range(3)]
        await until(lambda: place.model.asked)
        asking[0].cancel()
        asking[1].cancel()
        last = await asking[2]
        stayed = place.model.left

        again = asyncio.create_task(_ask(client, stream=True, question=f"{QUESTION} Please."))
        await until(lambda: place.model.asked == 2)
        again.cancel()
        await until(lambda: place.model.left)

    assert (last["text"], stayed, place.model.asked) == (f"{FACT} [1] {OTHER} [1]", 0, 2)


async def _fill(place: Place) -> None:
    async with place.client() as client:
        await client.post("/v1/vector_stores", json={"name": CORPUS})
        row = {"id": "rules", "title": "Car park", "text": f"{FACT} {OTHER}"}
        (await client.post(f"/v1/corpora/{CORPUS}/rows", content=json.dumps(row))).raise_for_status()

        async def version() -> int:
            return int((await client.get(f"/v1/vector_stores/{CORPUS}")).json()["version"])

        await until(version)


async def _ask(client: httpx.AsyncClient, *, stream: bool, question: str = QUESTION) -> dict[str, Any]:
    """Return text, id and `cached` of the answer."""
    body = {"model": CORPUS, "stream": stream, "messages": [{"role": "user", "content": question}]}
    reply = (await client.post("/v1/chat/completions", json=body)).raise_for_status()
    if not stream:
        told = reply.json()
        return _told(told["choices"][0]["message"]["content"], told["x_rag"])
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: {")]
    chunks = [json.loads(line) for line in lines]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    return _told(text, chunks[-1]["x_rag"])


def _told(text: str, x_rag: dict[str, Any]) -> dict[str, Any]:
    return {"text": text, "answer_id": x_rag["answer_id"], "cached": x_rag["cached"]}
