"""What a worker throws away while it has nothing else to do."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingestion.bootstrap import Worker
from ingestion.housekeeping import INTERVAL, Housekeeping
from ingestion.worker import work
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId
from rag_service.errors import NotFound
from rag_service.use_cases.retention import Dropped

DAY_S = 24 * 3600


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class StoppingAfterwards:
    """The real thing, and the worker stops after it."""

    housekeeping: Housekeeping
    stop: asyncio.Event

    async def run_if_due(self) -> None:
        await self.housekeeping.run_if_due()
        self.stop.set()


@dataclass
class Refusing:
    """A round over corpora that are all gone."""

    asked: list[CorpusId] = field(default_factory=list)

    async def __call__(self, scope: AccessScope, corpus_id: CorpusId) -> Dropped:
        self.asked.append(corpus_id)
        raise NotFound("corpus", corpus_id)


def half_written(folder: Path, name: str, *, age_s: float = 2 * DAY_S) -> Path:
    path = folder / "blobs" / "tenant" / "incoming" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    then = datetime.now(UTC).timestamp() - age_s
    os.utime(path, (then, then))
    return path


def housekeeping_at(worker: Worker, clock: Clock) -> Housekeeping:
    parts = worker.container
    return Housekeeping(
        catalog=parts.catalog,
        blobs=parts.blobs,
        apply_retention=parts.apply_retention,
        clock=clock,
        settings=parts.settings.housekeeping,
    )


async def test_an_idle_worker_removes_what_a_crash_left_a_day_ago(worker: Worker, tmp_path: Path) -> None:
    old, fresh = half_written(tmp_path, "old"), half_written(tmp_path, "fresh", age_s=DAY_S / 2)
    stop = asyncio.Event()

    await work(worker.runner, stop, poll_s=0.01, housekeeping=StoppingAfterwards(worker.housekeeping, stop))

    assert (old.exists(), fresh.exists()) == (False, True)


async def test_a_reply_is_kept_for_a_day(worker: Worker, admin: AccessScope) -> None:
    clock = Clock()
    housekeeping = housekeeping_at(worker, clock)
    async with worker.container.catalog.writing() as tx:
        await tx.replies.keep(admin, "once", "hash", 200, "{}")

    async def is_kept() -> bool:
        await housekeeping.run_if_due()
        async with worker.container.catalog.reading() as tx:
            return await tx.replies.find(admin, "once") is not None

    assert await is_kept()
    clock.now += timedelta(hours=25)
    assert not await is_kept()


async def test_a_round_is_made_once_an_hour(worker: Worker, tmp_path: Path) -> None:
    clock = Clock()
    housekeeping = housekeeping_at(worker, clock)
    await housekeeping.run_if_due()
    left = half_written(tmp_path, "later")

    await housekeeping.run_if_due()
    assert left.exists()
    clock.now += INTERVAL
    await housekeeping.run_if_due()

    assert not left.exists()


async def test_a_corpus_that_is_erased_at_this_moment_stops_no_worker(worker: Worker, admin: AccessScope) -> None:
    for name in ("one", "two"):
        await worker.container.create_corpus(admin, name=name)
    clock, refusing = Clock(), Refusing()
    housekeeping = housekeeping_at(worker, clock)
    housekeeping._apply_retention = refusing  # type: ignore[assignment]
    clock.now += INTERVAL

    await housekeeping.run_if_due()

    assert len(refusing.asked) >= 2
