"""The Celery worker: `python -m ingestion.brokered.celery_worker [--queues parse,embed,index] [--concurrency N]`."""

import os
import socket
import sys
from collections.abc import Sequence
from functools import partial

import structlog
from celery import signals

import ingestion.bootstrap  # noqa: F401  (imported once here, shared by the processes)
from ingestion.brokered.celery_app import worker_app
from ingestion.brokered.celery_process import WorkerProcess, longest_stop_s
from ingestion.brokered.stopping import Stopping
from ingestion.brokered.tasks import add_tasks
from ingestion.served_queues import WorkerArguments, read_arguments
from ingestion.worker import NICENESS
from rag_service.errors import Misconfigured
from rag_service.settings import Settings, read_settings
from rag_service.telemetry.logs import configure_logs

_CONCURRENCY = 2

_log = structlog.get_logger()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker until SIGTERM or SIGINT: then what runs ends, or is given back, and the status is 0."""
    os.nice(NICENESS)
    try:
        given = read_arguments("ingestion.brokered.celery_worker", arguments)
        settings = read_settings()
        configure_logs(settings.log, process="worker")
        return _work(settings, given)
    except Misconfigured as exc:
        sys.stderr.write(f"{exc}\n")
        return 2


def _work(settings: Settings, given: WorkerArguments) -> int:
    app = worker_app(settings)
    stop_fd, running_fd = os.pipe()
    process = WorkerProcess(settings, given.queues, stop_fd=stop_fd)
    # The main process alone keeps this end of the pipe open.
    stopping = Stopping(partial(os.close, running_fd), limit_s=longest_stop_s())
    add_tasks(app, process)

    def begin(**_: object) -> None:
        os.close(running_fd)
        process.start()

    def stop(**_: object) -> None:
        stopping.tell()

    def end(**_: object) -> None:
        process.end()

    signals.setup_logging.connect(_keep_logging, weak=False)
    signals.worker_process_init.connect(begin, weak=False)
    signals.worker_process_shutdown.connect(end, weak=False)
    signals.worker_shutting_down.connect(stop, weak=False)
    worker = app.Worker(
        hostname=f"rag-{os.getpid()}@{socket.gethostname()}",
        queues=sorted(given.queues),
        concurrency=given.concurrency or _CONCURRENCY,
        pool="prefork",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    _log.info("worker_stopped")
    # An error of its end is one of the broker, on which nothing depends.
    return 0 if stopping.is_told else int(worker.exitcode or 0)


def _keep_logging(**_: object) -> None:
    """Keep Celery from setting up logging of its own."""


if __name__ == "__main__":
    sys.exit(main())
