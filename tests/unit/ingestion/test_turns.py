"""What a woken process does; the jobs are counters here."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

import ingestion.brokered.turns
from ingestion.brokered.turns import Turns
from ingestion.lanes import Lane
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, new_job
from rag_service.domain.work_queues import WorkQueue
from rag_service.errors import CatalogUnavailable
from tests.patience import until

ALL = frozenset(WorkQueue)


class Table:
    """A runner whose lanes have so many jobs, each of which waits for `ends` of its lane."""

    def __init__(self, **due: int) -> None:
        self.due = Counter(due)
        self.ran: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.seals = 0
        self.error: Exception | None = None

    async def run_next(self, lane: Lane, *, on_claimed: Any) -> int:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if not self.due[lane.name]:
            return 0
        self.due[lane.name] -= 1
        await on_claimed([new_job(TenantId("tenant"), _first_kind(lane), "subject", now=datetime.now(UTC))])
        if lane.name in self.ends:
            await self.ends[lane.name].wait()
        self.ran.append(lane.name)
        return 1

    async def enqueue_due_seals(self) -> int:
        added, self.seals = self.seals, 0
        return added


class Said:
    """A queue that notes what it is to say."""

    def __init__(self) -> None:
        self.woken: Counter[WorkQueue] = Counter()

    async def announce(self, jobs: Sequence[Job]) -> None:
        raise AssertionError("turns know queues only")

    async def wake(self, queues: Collection[WorkQueue]) -> None:
        self.woken.update(queues)


def _first_kind(lane: Lane) -> JobKind:
    return min(lane.kinds)


def turns(table: Table, said: Said, served: frozenset[WorkQueue] = ALL) -> Turns:
    return Turns(runner=table, queue=said, served=served, poll_s=0.01)  # type: ignore[arg-type]


async def test_a_turn_ends_when_nothing_is_due_in_any_lane() -> None:
    table, said = Table(interactive=3, bulk=2), Said()

    await turns(table, said).take(WorkQueue.PARSE, asyncio.Event())

    assert Counter(table.ran) == {"interactive": 3, "bulk": 2}


async def test_each_claim_wakes_another_process_and_an_idle_turn_wakes_none() -> None:
    idle, busy = Said(), Said()

    await turns(Table(), idle).take(WorkQueue.EMBED, asyncio.Event())
    await turns(Table(bulk=2), busy, frozenset({WorkQueue.EMBED})).take(WorkQueue.EMBED, asyncio.Event())

    assert (idle.woken, busy.woken) == (Counter(), Counter({WorkQueue.EMBED: 2}))


async def test_a_worker_takes_jobs_of_its_own_queues_only() -> None:
    table = Table(interactive=1, bulk=1)

    await turns(table, Said(), frozenset({WorkQueue.EMBED})).take(WorkQueue.EMBED, asyncio.Event())

    assert table.ran == ["bulk"]


async def test_a_draft_that_became_due_wakes_the_index_queue() -> None:
    table, said = Table(bulk=1), Said()
    table.seals = 1

    await turns(table, said, frozenset({WorkQueue.EMBED})).take(WorkQueue.EMBED, asyncio.Event())

    assert said.woken[WorkQueue.INDEX] == 1


async def test_what_people_wait_for_is_done_beside_a_job_that_outlasts_the_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=0.0)
    monkeypatch.setattr(ingestion.brokered.turns, "time", clock)
    table = Table(bulk=1)
    table.ends["bulk"] = asyncio.Event()
    turn = asyncio.create_task(turns(table, Said()).take(WorkQueue.PARSE, asyncio.Event()))
    await until(lambda: not table.due["bulk"])

    clock.now += 2 * ingestion.brokered.turns.TURN_S
    table.due["interactive"] += 1
    await until(lambda: table.ran)
    table.ends["bulk"].set()
    await turn

    assert table.ran == ["interactive", "bulk"]


async def test_a_turn_that_is_over_leaves_the_rest_to_another_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion.brokered.turns, "TURN_S", 0)
    table, said = Table(bulk=5), Said()

    await turns(table, said).take(WorkQueue.PARSE, asyncio.Event())

    assert (table.ran, said.woken) == ([], Counter({WorkQueue.PARSE: 1}))


async def test_nothing_is_begun_after_a_stop() -> None:
    table, said, stop = Table(bulk=5), Said(), asyncio.Event()
    stop.set()

    await turns(table, said).take(WorkQueue.PARSE, stop)

    assert (table.ran, said.woken) == ([], Counter())


async def test_an_outage_ends_the_turn_without_an_error() -> None:
    table = Table(bulk=5)
    table.error = CatalogUnavailable("down")

    await turns(table, Said()).take(WorkQueue.PARSE, asyncio.Event())

    assert table.ran == []
