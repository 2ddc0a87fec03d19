"""FAULTS 26: five times as many searches as the service can do, while documents come in."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.flood import Flood, Order, flood, post
from tests.made_rows import made_question, made_rows
from tests.running import RunningService, start_service, stop_service

pytestmark = pytest.mark.slow

CORPUS = "busy"
SEARCH = f"/v1/vector_stores/{CORPUS}/search"
AT_ONCE = 16
ROUNDS = 4
SECONDS = 5.0
TIMES = 5


@dataclass(frozen=True, kw_only=True)
class Round:
    """What was answered in a time, and the processor time that the service took for it and for what it refused."""

    flood: Flood
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Answers per second of the clock."""
        return self.flood.in_time / SECONDS


@dataclass(frozen=True)
class Busy:
    """A served corpus, and who asks it."""

    service: RunningService

    def peak(self) -> Round:
        """Have as many callers as are let in at once, who ask again and again."""
        return self._round(at_once=AT_ONCE)

    def flood(self, rate: float) -> Round:
        """Have so many searches a second, however many are not answered yet."""
        return self._round(rate=rate)

    def _round(self, *, rate: float = 0.0, at_once: int = 0) -> Round:
        searches = [
            post(self.service, SEARCH, {"query": made_question(number), "max_num_results": 4}) for number in range(50)
        ]
        before = self.service.cpu_s()
        found = flood(Order(url=self.service.url, requests=searches, seconds=SECONDS, rate=rate, at_once=at_once))
        return Round(flood=found, cpu_s=self.service.cpu_s() - before)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    settings = {
        "RAG_SAMPLE_CORPUS": "false",
        "RAG_LOG__LEVEL": "warning",
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


@pytest.fixture(scope="module")
def rounds(busy: Busy) -> list[tuple[Round, Round]]:
    """The peak, and a flood of five times as many, in turn: a machine that others use is not the same for long."""
    busy.peak()  # the first searches of a process cost more
    return [(peak := busy.peak(), busy.flood(TIMES * peak.per_s)) for _ in range(ROUNDS)]


def test_a_flood_is_answered_or_told_when_to_come_again(rounds: list[tuple[Round, Round]]) -> None:
    floods = [flooded.flood for _, flooded in rounds]

    assert all(found.statuses.keys() == {"200", "429"} and not found.faults for found in floods), floods


def test_what_is_refused_takes_little_of_the_processors(rounds: list[tuple[Round, Round]]) -> None:
    peak, flooded = ([pair[side] for pair in rounds] for side in (0, 1))
    answer_s = _cpu_s(peak) / _answered(peak)
    refusal_s = (_cpu_s(flooded) - answer_s * _answered(flooded)) / _refused(flooded)

    # Of the time that the peak takes, with five requests for each that could be answered.
    goodput = (answer_s - TIMES * refusal_s) / (answer_s - refusal_s)

    # 0.90 to 0.99 was measured; processors that others use too count more for small work than for large.
    assert goodput >= 0.8, (goodput, answer_s, refusal_s)


def test_those_who_are_refused_do_not_keep_others_waiting(rounds: list[tuple[Round, Round]]) -> None:
    peak, flooded = (sum(pair[side].per_s for pair in rounds) for side in (0, 1))

    # By the clock, which neighbours on the machine move more than any flood does.
    assert flooded >= 0.6 * peak, rounds


def test_documents_that_come_in_meanwhile_take_little_from_searches(busy: Busy) -> None:
    peak = busy.peak()
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(load, busy.service, range(1000, 1800))

        meanwhile = busy.peak()
        loading.result()

    with busy.service.client() as client:
        assert client.get(f"/v1/vector_stores/{CORPUS}").json()["status"] == "in_progress"
    assert meanwhile.per_s >= 0.5 * peak.per_s, (meanwhile, peak)


async def test_health_and_administration_are_not_refused_in_a_flood(busy: Busy) -> None:
    peak = await asyncio.to_thread(busy.peak)
    flooding = asyncio.create_task(asyncio.to_thread(busy.flood, TIMES * peak.per_s))
    async with httpx.AsyncClient(
        base_url=busy.service.url, headers={"authorization": f"Bearer {busy.service.key}"}, timeout=60
    ) as client:
        refused = await _refused_in(flooding, lambda: client.post(SEARCH, json={"query": "flood"}))
        replies = [(await client.get(path)).status_code for path in ("/livez", "/readyz", "/v1/keys", "/v1/jobs")]

    assert refused is not None
    assert replies == [200] * 4
    assert int(refused.headers["retry-after"]) >= 1 and "x-request-id" in refused.headers
    assert (await flooding).flood.statuses["429"] > 0


async def _refused_in(
    flooding: asyncio.Task[Round], ask: Callable[[], Awaitable[httpx.Response]]
) -> httpx.Response | None:
    while not flooding.done():
        if (reply := await ask()).status_code == 429:
            return reply
    return None


def _cpu_s(rounds: list[Round]) -> float:
    return sum(each.cpu_s for each in rounds)


def _answered(rounds: list[Round]) -> int:
    return sum(each.flood.statuses["200"] for each in rounds)


def _refused(rounds: list[Round]) -> int:
    return sum(each.flood.statuses["429"] for each in rounds)
