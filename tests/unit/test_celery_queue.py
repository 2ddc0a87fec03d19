"""What is announced while the broker is slow or away; tests/integration/test_celery.py has a real one."""

import asyncio
import threading
from collections.abc import Collection
from datetime import UTC, datetime

from rag_service.domain.ids import JobId, TenantId
from rag_service.domain.jobs import Job, JobKind, new_job
from rag_service.domain.work_queues import WorkQueue
from rag_service.errors import DependencyUnavailable
from rag_service.queue.celery_queue import SILENT_S, CeleryQueue
from tests.patience import PATIENCE_S


class FakeBroker:
    """Notes what is sent, once it may."""

    def __init__(self) -> None:
        self.sent: list[WorkQueue] = []
        self.is_down = False
        self.is_open = threading.Event()
        self.is_open.set()

    def wake(self, queue: WorkQueue, about: JobId | None) -> None:
        self.is_open.wait(PATIENCE_S)
        if self.is_down:
            raise DependencyUnavailable("down")
        self.sent.append(queue)

    def consumed(self) -> frozenset[WorkQueue]:
        return frozenset()

    def close(self) -> None:
        pass


def jobs(*kinds: JobKind) -> list[Job]:
    return [new_job(TenantId("tenant"), kind, "subject", now=datetime.now(UTC)) for kind in kinds]


async def test_announced_jobs_wake_their_queues_once() -> None:
    broker = FakeBroker()
    queue = CeleryQueue(broker)

    await queue.announce(jobs(JobKind.PREPARE_REVISION, JobKind.PREPARE_REVISION, JobKind.SEAL_DRAFT))

    await queue.aclose()
    assert sorted(broker.sent) == [WorkQueue.INDEX, WorkQueue.PARSE]


async def test_nobody_waits_for_a_slow_broker_and_what_comes_meanwhile_is_one_message() -> None:
    broker = FakeBroker()
    queue = CeleryQueue(broker)
    broker.is_open.clear()

    for _ in range(100):
        await queue.announce(jobs(JobKind.PREPARE_REVISION))
        await asyncio.sleep(0)
    broker.is_open.set()

    await queue.aclose()
    assert len(broker.sent) <= 2


async def test_a_broker_that_is_down_is_left_alone_for_a_while() -> None:
    broker, now = FakeBroker(), [0.0]
    queue = CeleryQueue(broker, monotonic=lambda: now[0])
    broker.is_down = True
    await _wake(queue, [WorkQueue.PARSE])
    broker.is_down = False

    await _wake(queue, [WorkQueue.PARSE])
    now[0] = SILENT_S
    await _wake(queue, [WorkQueue.INDEX])

    assert broker.sent == [WorkQueue.INDEX]


async def _wake(queue: CeleryQueue, queues: Collection[WorkQueue]) -> None:
    await queue.wake(queues)
    if queue._sending is not None:
        await queue._sending
