"""FAULTS 26: five times as many searches as the service can do, while documents come in."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.made_rows import made_question, made_rows
from tests.running import RunningService, start_service, stop_service
from tests.steady_load import Caller

pytestmark = pytest.mark.slow

CORPUS = "busy"
SEARCH = f"/v1/vector_stores/{CORPUS}/search"
AT_ONCE = 16
SECONDS = 15.0
TIMES = 5
GOODPUT = 0.6
"""Of the peak: 0.9 is reached where those who ask have processors of their own; here they take the service's."""


@dataclass(frozen=True)
class Busy:
    """A served corpus, and who asks it."""

    service: RunningService

    async def search(self, caller: Caller, number: int) -> int:
        """Return the status of a search; what is refused must look like it."""
        body = {"query": made_question(number % 50), "max_num_results": 4}
        status, reply = await caller.post(SEARCH, body)
        assert status == 200 or (status, reply["error"]["code"]) == (429, "rate_limit_exceeded"), reply
        return status

    async def peak(self) -> float:
        """Return the searches per second of as many callers as are let in at once."""
        caller, answered, started = Caller(self.service.url, self.service.key), 0, time.perf_counter()

        async def search_again_and_again() -> None:
            nonlocal answered
            while time.perf_counter() < started + SECONDS:
                assert await self.search(caller, answered) == 200
                answered += 1

        await asyncio.gather(*(search_again_and_again() for _ in range(AT_ONCE)))
        await caller.close()
        return answered / (time.perf_counter() - started)

    async def flood(self, rate: float) -> Counter[int]:
        """Send searches at a rate, however many are not answered yet; return the statuses."""
        caller, started = Caller(self.service.url, self.service.key), time.perf_counter()
        async with asyncio.TaskGroup() as flood:
            sent = []
            while (now := time.perf_counter() - started) < SECONDS:
                due = int(now * rate) - len(sent)
                sent += [flood.create_task(self.search(caller, len(sent) + each)) for each in range(due)]
                await asyncio.sleep(0.005)
        await caller.close()
        return Counter(task.result() for task in sent)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    settings = {
        "RAG_SAMPLE_CORPUS": "false",
        "RAG_LOG__LEVEL": "error",
        # Searches that cost what they cost people: those who ask take the same processors, and a refusal is not free.
        "RAG_RETRIEVAL__CACHE_ENTRIES": "0",
        "RAG_LIMITS__BURST_S": "1",
        "RAG_LIMITS__WAITING": "64",
    }
    service = start_service(tmp_path_factory.mktemp("busy") / "data", **settings)
    try:
        with service.client() as client:
            client.post("/v1/vector_stores", json={"name": CORPUS}).raise_for_status()
        load(service, range(200))
        with service.client() as client:
            while not client.get(f"/v1/vector_stores/{CORPUS}").json()["version"]:
                time.sleep(0.1)
        yield Busy(service)
    finally:
        stop_service(service)


def load(service: RunningService, numbers: range) -> None:
    """Bring in documents."""
    lines = [json.dumps({"id": row.id, "title": row.title, "text": row.text}) for row in made_rows(numbers)]
    with service.client() as client:
        client.post(f"/v1/corpora/{CORPUS}/rows", content="\n".join(lines)).raise_for_status()


async def test_a_flood_is_answered_or_refused_and_those_answered_are_hardly_fewer(busy: Busy) -> None:
    await busy.peak()  # the first searches of a process cost more
    peak = await busy.peak()

    statuses = await busy.flood(TIMES * peak)

    assert set(statuses) == {200, 429}
    assert statuses[200] / SECONDS >= GOODPUT * peak, (statuses, peak)


async def test_documents_that_come_in_meanwhile_take_little_from_searches(busy: Busy) -> None:
    peak = await busy.peak()
    loading = asyncio.create_task(asyncio.to_thread(load, busy.service, range(1000, 1800)))

    meanwhile = await busy.peak()
    await loading

    assert meanwhile >= 0.4 * peak, (meanwhile, peak)


async def test_health_and_administration_are_not_refused_in_a_flood(busy: Busy) -> None:
    flooding = asyncio.create_task(busy.flood(300.0))
    async with httpx.AsyncClient(
        base_url=busy.service.url, headers={"authorization": f"Bearer {busy.service.key}"}, timeout=60
    ) as client:
        await asyncio.sleep(2)
        replies = [(await client.get(path)).status_code for path in ("/livez", "/readyz", "/v1/keys", "/v1/jobs")]
        refused = await _until_refused(lambda: client.post(SEARCH, json={"query": "flood"}))

    assert replies == [200] * 4
    assert int(refused.headers["retry-after"]) >= 1 and "x-request-id" in refused.headers
    assert (await flooding)[429] > 0


async def _until_refused(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    while (reply := await ask()).status_code != 429:
        pass
    return reply
