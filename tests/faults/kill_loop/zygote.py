"""`python -m tests.faults.kill_loop.zygote`: has imported the service's programs, and forks one per line that it reads.

A line names a program. The answer is the process's id, and how the one before it ended: importing takes seconds, a fork
milliseconds, and a killed program must be back before its next death.
"""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import aiosqlite  # noqa: F401  (these are what the programs import once they run)
import httptools  # noqa: F401
import uvloop  # noqa: F401

import ingestion.bootstrap
import ingestion.worker
import rag_service.app
import rag_service.embedding.hashing
import rag_service.queue.polled
import rag_service.retrieval.index_client
import rag_service.retrieval.index_host
import rag_service.server
from rag_service.settings import read_settings
from tests.short_outages import expect_short_outages

MAINS: dict[str, Callable[[], object]] = {
    "api": rag_service.server.main,
    "worker": ingestion.worker.main,
    "index_host": rag_service.retrieval.index_host.main,
}
SETTINGS = read_settings()
if SETTINGS.queue.backend == "celery":
    import celery.apps.worker
    import celery.concurrency.prefork  # noqa: F401
    import kombu.transport.redis  # noqa: F401

    import ingestion.brokered.beat
    import ingestion.brokered.celery_consumer
    import ingestion.brokered.celery_worker
    import rag_service.queue.celery_queue

    MAINS |= {"celery_worker": ingestion.brokered.celery_worker.main, "beat": ingestion.brokered.beat.main}
NONE_BEFORE = 0
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Fork until the input ends; what still runs then ends too."""
    log_dir = SETTINGS.data_dir / "logs"
    log_dir.mkdir(parents=True, exist_ok=True)
    _assert_single_thread()
    expect_short_outages()
    gc.freeze()
    running: dict[str, int] = {}
    for line in sys.stdin:
        name = line.strip()
        ended = os.waitpid(running[name], 0)[1] if name in running else NONE_BEFORE
        running[name] = os.fork()
        if not running[name]:
            _become(name, log_dir / f"{name}.log")
        sys.stdout.write(f"{running[name]} {ended}\n")
        sys.stdout.flush()
    for pid in running.values():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _become(name: str, log_path: Path) -> None:
    code: object = 1
    try:
        # Should the test itself be killed, nothing of it stays behind.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _redirect(log_path)
        code = MAINS[name]()
    finally:
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


def _redirect(log_path: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


def _assert_single_thread() -> None:
    # A fork copies locks that other threads hold, and nobody would ever let them go.
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise RuntimeError(f"{threads} threads run: set OPENBLAS_NUM_THREADS=1")


if __name__ == "__main__":
    main()
