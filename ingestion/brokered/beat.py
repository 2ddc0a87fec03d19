"""Beat: `python -m ingestion.brokered.beat [--check]`. What nobody's message asks for: one is needed, several do no harm."""

import argparse
import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from ingestion.bootstrap import Worker, open_worker
from ingestion.brokered.consumers import Consumers
from ingestion.outages import AFTER_OUTAGE_S
from ingestion.waiting import told_to_stop, unless
from ingestion.worker import NICENESS
from rag_service.domain.work_queues import queues_of
from rag_service.errors import DependencyUnavailable, Misconfigured
from rag_service.queue.broker import Broker, open_app
from rag_service.settings import Settings, read_settings
from rag_service.telemetry.logs import configure_logs

_ROUND_S = 60.0

_log = structlog.get_logger()


async def beat(settings: Settings) -> None:
    """Sweep, reconcile, check indexes and keep house until SIGTERM or SIGINT.

    Raises:
        Misconfigured: a queue had no worker for too long after the start.
    """
    stop = told_to_stop()
    async with open_worker(settings) as worker:
        await worker.rebuilds.start()
        async with (
            worker.reconciling.running(),
            worker.source_schedule.running(),
            worker.index_checks.running(),
        ):
            _log.info("beat_ready")
            await unless(
                stop, _all_of(_repeat_sweep(settings, worker), _repeat_round(worker), _watch(settings, worker))
            )
    _log.info("beat_stopped")


async def check(settings: Settings) -> None:
    """Wait until every queue has a worker.

    Raises:
        Misconfigured: a queue had none for too long.
    """
    async with open_worker(settings) as worker:
        await unless(told_to_stop(), _consumers(settings, worker).until_complete())


async def sweep(worker: Worker) -> None:
    """Say once more what workers may not have heard: which queues have jobs that are due."""
    await worker.runner.enqueue_due_seals()
    await worker.container.queue.wake(queues_of(await worker.runner.due_kinds()))


async def _all_of(*parts: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except* Misconfigured as refused:
        raise refused.exceptions[0] from None


async def _repeat_sweep(settings: Settings, worker: Worker) -> None:
    while True:
        try:
            await sweep(worker)
        except DependencyUnavailable as exc:
            _log.warning("beat_waits", reason=str(exc))
            await asyncio.sleep(AFTER_OUTAGE_S)
        await asyncio.sleep(settings.queue.sweep_s)


async def _repeat_round(worker: Worker) -> None:
    # Beside the sweep: looking through all versions may take long.
    while True:
        try:
            await worker.housekeeping.run_if_due()
        except DependencyUnavailable as exc:
            _log.warning("housekeeping_waits", reason=str(exc))
        await asyncio.sleep(_ROUND_S)


async def _watch(settings: Settings, worker: Worker) -> None:
    # Beside the sweep, too: jobs that somebody takes wait for no check.
    consumers = _consumers(settings, worker)
    await consumers.until_complete()
    while True:
        await asyncio.sleep(_ROUND_S)
        await consumers.report()


def _consumers(settings: Settings, worker: Worker) -> Consumers:
    return Consumers(
        catalog=worker.container.catalog,
        broker=Broker(open_app(settings.queue)),
        clock=worker.container.clock,
        settings=settings,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process."""
    parser = argparse.ArgumentParser(prog="python -m ingestion.brokered.beat")
    parser.add_argument("--check", action="store_true", help="only wait until every queue has a worker")
    given = parser.parse_args(arguments)
    os.nice(NICENESS)
    try:
        settings = read_settings()
        configure_logs(settings.log, process="beat")
        _require_celery(settings)
        with asyncio.Runner() as runner:
            runner.run(check(settings) if given.check else beat(settings))
    except Misconfigured as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


def _require_celery(settings: Settings) -> None:
    if settings.queue.backend != "celery":
        raise Misconfigured("Workers that poll need no beat: it is for RAG_QUEUE__BACKEND=celery.")


if __name__ == "__main__":
    sys.exit(main())
