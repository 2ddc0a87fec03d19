"""The evaluation worker: `python -m eval.worker`. It gives drafts their verdicts and measures corpora until it is told to stop.

It runs where the packages of RAGAS are missing, too: those are needed by a process of its own.
"""

import asyncio
import os
import sys

import structlog

from eval.lanes import LANES
from ingestion.forgetting import forget_now_and_then
from ingestion.waiting import beside, told_to_stop
from ingestion.work_folder import work_folder
from ingestion.worker import work
from rag_service.errors import Misconfigured
from rag_service.settings import Settings, read_settings
from rag_service.telemetry.logs import configure_logs

NICENESS = 19
"""Everything else on the machine comes first."""

STOP_PATIENCE_S = 0.5
"""How long running jobs may go on after a stop was asked for: they are given back, and what they measured is kept."""

_log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Open the worker's parts and work on jobs until SIGTERM or SIGINT."""
    # Not before the process is nice: importing this takes a second.
    from eval.bootstrap import open_evaluation_worker  # noqa: PLC0415

    stop = told_to_stop()
    with work_folder(settings.work_dir):
        async with (
            open_evaluation_worker(settings) as worker,
            worker.presence.shown(),
            worker.schedule.running(),
            worker.live.running(),
            beside(forget_now_and_then()),
        ):
            _log.info("evaluation_worker_ready")
            poll_s = settings.evaluation.poll_s
            await work(worker.runner, stop, poll_s=poll_s, lanes=LANES, patience_s=STOP_PATIENCE_S)
    _log.info("evaluation_worker_stopped")


def main() -> int:
    """Run the process."""
    os.nice(NICENESS)
    try:
        settings = read_settings()
    except Misconfigured as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    configure_logs(settings.log, process="eval_worker")
    with asyncio.Runner() as runner:
        runner.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
