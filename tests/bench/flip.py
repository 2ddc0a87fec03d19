"""Publish and rollback under load: `python -m tests.bench.flip [searches/s]`.

The load is searches at a steady rate, to two API processes over one catalog and one index. What a machine could carry
is its cores over the processor time that one search takes in all processes, this one's included.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from rag_service.supervisor.processes import API, INDEX_HOST
from tests.bench.api_process import another_api
from tests.bench.figures import HEADER, Figure
from tests.running import RunningService
from tests.steady_load import Caller, Outcome, steady
from tests.two_versions import TwoVersions, flip_until, two_versions

RATE = 200.0
_SECONDS = 10.0
_DOCUMENTS = 500
_SETTINGS = {
    "RAG_EMBEDDING__BACKEND": "hashing",
    "RAG_LOG__LEVEL": "warning",
    # What a chat's context needs. With the usual 100 candidates the index host alone takes three times as long.
    "RAG_RETRIEVAL__CANDIDATES": "20",
}
_MODULES = {"API": API, "index host": INDEX_HOST}
_TRIAL_RATE = 20.0
_EASY_SHARE = 0.5  # of the rate that was reached: latencies of a machine that is not overrun
_FLIP_PAUSE_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What became of searches and flips in one stretch, and the processor time of each part meanwhile."""

    outcome: Outcome
    flips: Outcome
    cpu_s: Mapping[str, float]

    @property
    def replies(self) -> int:
        """Return how many searches were answered."""
        return len(self.outcome.latencies_s)


class Bench:
    """A served corpus, and callers of its API processes."""

    def __init__(self, corpus: TwoVersions, services: Sequence[RunningService]) -> None:
        self._corpus = corpus
        self._processes = [("caller", psutil.Process()), *(one for service in services for one in _parts(service))]
        self._callers = [Caller(service.url, service.key) for service in services]
        self.phases: list[Phase] = []

    async def phase(self, rate: float, *, flips: bool) -> Phase:
        """Put a load on the service, with or without flips meanwhile."""
        before, done = self._cpu_s(), asyncio.Event()
        flipped = Outcome()
        flipping = asyncio.create_task(self._flip(done, flipped, flips=flips))
        outcome = await steady(
            self._callers, self._corpus.search, self._corpus.fault, rate=rate, seconds=_SECONDS if rate else 0
        )
        if not rate:
            await asyncio.sleep(_SECONDS)
        done.set()
        await flipping
        spent = {name: seconds - before[name] for name, seconds in self._cpu_s().items()}
        self.phases.append(Phase(outcome=outcome, flips=flipped, cpu_s=spent))
        return self.phases[-1]

    async def close(self) -> None:
        """Close the connections."""
        for caller in self._callers:
            await caller.close()

    async def _flip(self, done: asyncio.Event, outcome: Outcome, *, flips: bool) -> None:
        if flips:
            await flip_until(done, self._callers[0], self._corpus, outcome, pause_s=_FLIP_PAUSE_S)

    def _cpu_s(self) -> dict[str, float]:
        spent = dict.fromkeys((name for name, _ in self._processes), 0.0)
        for name, process in self._processes:
            spent[name] += sum(process.cpu_times()[:2])
        return spent


def flip_figures(rate: float = RATE) -> list[Figure]:
    """Measure, for a minute or more."""
    with (
        tempfile.TemporaryDirectory(prefix="rag-") as folder,
        two_versions(Path(folder), _DOCUMENTS, **_SETTINGS) as corpus,
        another_api(corpus.service, **_SETTINGS) as second,
    ):
        return asyncio.run(_measured(Bench(corpus, [corpus.service, second]), rate))


async def _measured(bench: Bench, rate: float) -> list[Figure]:
    await bench.phase(_TRIAL_RATE, flips=False)  # the first searches of a process cost more
    trial = await bench.phase(_TRIAL_RATE, flips=False)
    quiet = await bench.phase(0, flips=True)
    full = await bench.phase(rate, flips=True)
    easy = min(rate, _EASY_SHARE * full.outcome.rate)
    calm, flipped = await bench.phase(easy, flips=False), await bench.phase(easy, flips=True)
    await bench.close()
    return [
        _flips("flip p95, no searches", quiet),
        _roof(trial),
        Figure(f"searches/s reached of {rate:.0f}, with flips", full.outcome.rate, "1/s", limit=f">= {RATE:.0f}"),
        *_latencies(f"at {easy:.0f}/s", calm, flipped),
        _flips(f"flip p95, {easy:.0f} searches/s", flipped),
        _faults(bench.phases),
    ]


def _roof(phase: Phase) -> Figure:
    cores = os.cpu_count() or 1
    each_ms = {name: 1000 * seconds / phase.replies for name, seconds in phase.cpu_s.items()}
    note = f"{cores} cores; ms each: " + ", ".join(f"{name} {spent:.1f}" for name, spent in each_ms.items())
    return Figure("searches/s that this machine could carry", 1000 * cores / sum(each_ms.values()), "1/s", note=note)


def _latencies(name: str, calm: Phase, flipped: Phase) -> list[Figure]:
    before, after = (1000 * float(np.median(phase.outcome.latencies_s)) for phase in (calm, flipped))
    return [
        Figure(f"search p50 {name}, no flips", before, "ms"),
        Figure(f"search p50 {name}, with flips", after, "ms", note=f"{after / before:.2f} times as long"),
    ]


def _faults(phases: Sequence[Phase]) -> Figure:
    faults = [fault for phase in phases for fault in (*phase.outcome.faults, *phase.flips.faults)]
    note = f"in {sum(phase.replies for phase in phases)} replies{'; ' + faults[0] if faults else ''}"
    return Figure("errors and mixed versions", len(faults), "", limit="0", note=note)


def _flips(name: str, phase: Phase) -> Figure:
    p50_ms, p95_ms = (1000 * float(np.percentile(phase.flips.latencies_s, p)) for p in (50, 95))
    note = f"p50 {p50_ms:.0f}, of {len(phase.flips.latencies_s)} flips"
    if not phase.replies:
        note += f"; {1000 * phase.cpu_s['API'] / len(phase.flips.latencies_s):.0f} ms of processor time each"
    return Figure(name, p95_ms, "ms", limit="<= 100", note=note)


def _parts(service: RunningService) -> list[tuple[str, psutil.Process]]:
    """Return the processes that work for a search, by name."""
    started = psutil.Process(service.process.pid)
    family = [(" ".join(process.cmdline()), process) for process in (started, *started.children(recursive=True))]
    return [(name, process) for command, process in family for name, module in _MODULES.items() if module in command]


def main() -> None:
    """Measure at the rate that is named, and print."""
    figures = flip_figures(float(sys.argv[1]) if len(sys.argv) > 1 else RATE)
    sys.stdout.write("\n".join([HEADER, *(figure.line() for figure in figures), ""]))


if __name__ == "__main__":
    main()
