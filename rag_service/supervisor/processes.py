"""The processes of the embedded service: started, kept running, and stopped in order."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rag_service.settings import Settings

DRAIN_S = 30.0
"""How long a process may finish what it is doing after SIGTERM."""
_MAX_PAUSE_S = 30.0
_STABLE_S = 60.0
"""A process that ran this long is restarted without a pause."""
_MAX_LOG_BYTES = 20 * 2**20
_PR_SET_PDEATHSIG = 1

INDEX_HOST = "rag_service.retrieval.index_host"
API = "rag_service.server"
WORKER = "ingestion.worker"
EVAL_WORKER = "eval.worker"


class Child:
    """One program, restarted when it ends by itself. `environ` is what differs from the supervisor's own."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_dir: Path,
        report: Callable[[str], None],
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log_path = log_dir / f"{name}.log"
        self._command = command
        self._environ = {**os.environ, **(environ or {})}
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def run(self) -> None:
        """Start the program again whenever it ends, with growing pauses, until `stop`."""
        pause_s = 0.5
        while not self._stopping:
            started = time.monotonic()
            code = await self._run_once()
            if self._stopping:
                return
            pause_s = 0.5 if time.monotonic() - started > _STABLE_S else min(pause_s * 2, _MAX_PAUSE_S)
            self._report(
                f"{self.name} ended with code {code} (see {self.log_path}); starting it again in {pause_s:.0f} s"
            )
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> int:
        _cut_log(self.log_path)
        with self.log_path.open("ab") as log:
            # A session of its own: Ctrl-C reaches the supervisor alone, which then stops its children in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask the program to end, and end it after `DRAIN_S`."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), DRAIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


class Supervisor:
    """The index host, the API and the workers, as one service."""

    def __init__(self, settings: Settings, *, report: Callable[[str], None]) -> None:
        log_dir = settings.data_dir.resolve() / "logs"
        log_dir.mkdir(parents=True, exist_ok=True)
        self._index_host = Child("index_host", program(INDEX_HOST), log_dir, report)
        self._has_host = settings.retrieval.has_host
        self._api = Child("server", program(API), log_dir, report)
        self._worker = Child("worker", program(WORKER), log_dir, report)
        self._eval_worker = Child("eval_worker", program(EVAL_WORKER), log_dir, report)
        self._tasks: list[asyncio.Task[None]] = []

    def start_serving(self) -> None:
        """Start what answers questions."""
        self._start(self._api)
        if self._has_host:
            self._start(self._index_host)

    def start_working(self) -> None:
        """Start what works off jobs. It can wait until the API is loaded: both at once slow each other down."""
        self._start(self._worker)

    def start_measuring(self) -> None:
        """Start what evaluates. It comes last: nobody waits for it, and it needs a processor to start."""
        self._start(self._eval_worker)

    async def stop(self) -> None:
        """Stop the API first, so that nothing new comes in, and the index last, since the others need it."""
        for child in (self._api, self._eval_worker, self._worker, self._index_host):
            await child.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, child: Child) -> None:
        self._tasks.append(asyncio.create_task(child.run(), name=child.name))


def program(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of the product."""
    return [sys.executable, "-m", module, *arguments]


def _end_with_parent() -> None:
    # A supervisor that is killed cannot stop its children; left alone they would keep the data folder locked.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _cut_log(path: Path) -> None:
    if path.exists() and path.stat().st_size > _MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
