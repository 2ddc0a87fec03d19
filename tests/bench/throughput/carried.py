"""The highest rate that a service carries: arrivals by chance, whatever is still unanswered."""

import asyncio
from dataclasses import dataclass

import numpy as np

from tests.bench.throughput.mixes import Mix
from tests.steady_load import Caller, Json, Outcome, steady

LIMIT_MS = 200.0
_FIRST_RATE = 8.0
_SECONDS = 6.0
_HALVINGS = 4
_WARM = 20
_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Searches a second with a p95 of at most 200 ms, and that p95."""

    rate: float
    p95_ms: float


class Searched:
    """A service that is asked for passages: `path` and what a question is sent with."""

    def __init__(self, url: str, key: str, path: str, sent: Json) -> None:
        self.caller = Caller(url, key)
        self._path = path
        self._sent = sent

    async def at_rate(self, mix: Mix, rate: float, seconds: float = _SECONDS) -> Outcome:
        """Ask for some seconds."""
        return await steady(
            [self.caller],
            lambda _: (self._path, self._sent | {"query": mix.question()}),
            lambda _, reply: "" if reply["data"] else "nothing was found",
            rate=rate,
            seconds=seconds,
            at_once=_AT_ONCE,
            by_chance=True,
        )


async def carried(service: Searched, mix: Mix) -> Carried:
    """Double the rate until the service falls behind, then halve the interval between what it carries and what not."""
    await service.at_rate(mix, _WARM, seconds=2.0)
    low, high, p95_ms = 0.0, _FIRST_RATE, float("inf")
    while (found := await _p95_ms(service, mix, high)) <= LIMIT_MS:
        low, high, p95_ms = high, 2 * high, found
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = await _p95_ms(service, mix, middle)
        if found <= LIMIT_MS:
            low, p95_ms = middle, found
        else:
            high = middle
        await asyncio.sleep(1.0)
    return Carried(rate=low, p95_ms=p95_ms)


async def _p95_ms(service: Searched, mix: Mix, rate: float) -> float:
    outcome = await service.at_rate(mix, rate)
    if outcome.faults:
        return float("inf")
    return float(np.percentile(outcome.latencies_s, 95)) * 1000
