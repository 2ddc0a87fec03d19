"""The worker process: `python -m ingestion.worker`. It prepares uploads and seals drafts until it is told to stop."""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from ingestion.forgetting import forget_now_and_then
from ingestion.lanes import BULK, INTERACTIVE, LANES, Lane
from ingestion.outages import AFTER_OUTAGE_S
from ingestion.served_queues import WorkerArguments, read_arguments
from ingestion.waiting import beside, pause, told_to_stop, unless
from ingestion.work_folder import work_folder
from rag_service.domain.work_queues import WorkQueue, kinds_of
from rag_service.errors import DependencyUnavailable, Misconfigured
from rag_service.settings import Settings, read_settings
from rag_service.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from ingestion.housekeeping import Housekeeping
    from ingestion.jobs import JobRunner

NICENESS = 10
"""Questions come first on a machine that serves both."""

STOP_PATIENCE_S = 25.0
"""How long running jobs may go on after a stop was asked for; supervisors wait 30 s."""

_log = structlog.get_logger()


async def work(
    runner: "JobRunner",
    stop: asyncio.Event,
    *,
    poll_s: float,
    lanes: Sequence[Lane] = LANES,
    housekeeping: "Housekeeping | None" = None,
    patience_s: float = STOP_PATIENCE_S,
) -> None:
    """Run jobs until `stop` is set; then finish what runs, or give it back when that takes longer than `patience_s`."""
    loops = {asyncio.create_task(_work_off(lane, runner, housekeeping, stop, poll_s)) for lane in lanes}
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*loops, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()  # a loop that broke down takes the others along
        await asyncio.wait(loops, timeout=patience_s)
    finally:
        for late in {*loops, stopping}:
            late.cancel()
        ended = await asyncio.gather(*loops, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _work_off(
    lane: Lane, runner: "JobRunner", housekeeping: "Housekeeping | None", stop: asyncio.Event, poll_s: float
) -> None:
    while not stop.is_set():
        try:
            added = await runner.enqueue_due_seals() if lane.name == INTERACTIVE.name else 0
            idle = not added and await runner.run_next(lane) == 0
            if idle and housekeeping is not None and lane.name == BULK.name:
                await housekeeping.run_if_due()
        except DependencyUnavailable as exc:
            _log.warning("worker_waits", lane=lane.name, reason=str(exc))
            await pause(stop, AFTER_OUTAGE_S)
            continue
        if idle:
            await pause(stop, poll_s)


async def serve(settings: Settings, queues: frozenset[WorkQueue] = frozenset(WorkQueue)) -> None:
    """Open the worker's parts and work on the jobs of some queues until SIGTERM or SIGINT."""
    # Not before the process is nice: importing this takes a second, and the API is starting too.
    from ingestion.bootstrap import open_worker  # noqa: PLC0415

    stop = told_to_stop()
    with work_folder(settings.work_dir):
        async with open_worker(settings, queues) as worker, worker.presence.shown():
            await unless(stop, worker.reconciling.before_sealing())
            await worker.rebuilds.start()
            async with (
                worker.reconciling.running(),
                worker.source_schedule.running(),
                worker.index_checks.running(),
                beside(forget_now_and_then()),
            ):
                _log.info("worker_ready")
                lanes = [lane.only(kinds_of(queues)) for lane in LANES]
                await work(
                    worker.runner, stop, poll_s=settings.jobs.poll_s, lanes=lanes, housekeeping=worker.housekeeping
                )
    _log.info("worker_stopped")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process."""
    os.nice(NICENESS)
    try:
        given = read_arguments("ingestion.worker", arguments)
        settings = read_settings()
        _require_one_process(given)
    except Misconfigured as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    configure_logs(settings.log, process="worker")
    with asyncio.Runner() as runner:
        runner.run(serve(settings, given.queues))
    return 0


def _require_one_process(given: WorkerArguments) -> None:
    if given.concurrency not in {None, 1}:
        raise Misconfigured("A worker that polls is one process. Start several workers instead of --concurrency.")


if __name__ == "__main__":
    sys.exit(main())
