"""A process of a Celery worker: one event loop and one container, for as long as it lives."""

import asyncio
import contextvars
import os
import threading
import time
from contextlib import suppress
from functools import partial

import structlog

from ingestion.bootstrap import open_worker
from ingestion.brokered.turns import Turns
from ingestion.forgetting import forget_now_and_then
from ingestion.outages import AFTER_OUTAGE_S
from ingestion.waiting import beside, pause, unless
from ingestion.work_folder import work_folder
from rag_service.domain.work_queues import WorkQueue
from rag_service.errors import DependencyUnavailable
from rag_service.settings import Settings

STOP_PATIENCE_S = 20.0
"""How long running jobs may go on after a stop was asked for. Celery needs some seconds of the 30 for itself."""

UNHEARD_S = 15.0
"""How often a process looks by itself: work goes on while the broker is away, or its connection is stuck."""

_OPEN_S = 10.0
_RELEASE_S = 5.0
_FAREWELL_S = 2.0

_log = structlog.get_logger()


def longest_stop_s() -> float:
    """Return after how long a worker's processes have ended or given back what they had, with some air."""
    return STOP_PATIENCE_S + _RELEASE_S + _FAREWELL_S


class WorkerProcess:
    """Runs turns for Celery's task. The loop has a thread of its own, since Celery and its signals own the main one.

    `stop_fd` is readable once the worker is told to stop: a pipe whose other end its main process closes.
    """

    def __init__(self, settings: Settings, queues: frozenset[WorkQueue], *, stop_fd: int) -> None:
        self._settings = settings
        self._queues = queues
        self._stop_fd = stop_fd
        # With the context of this thread: the log says which process speaks.
        run = partial(contextvars.copy_context().run, self._run)
        self._thread = threading.Thread(target=run, name="loop", daemon=True)
        self._has_loop = threading.Event()

    def start(self) -> None:
        """Start the loop; the container opens in it meanwhile."""
        self._thread.start()
        self._has_loop.wait()

    def work_off(self, queue: WorkQueue) -> None:
        """Take a turn. Whatever interrupts it, a time limit or a signal, gives its jobs back first."""
        is_over = threading.Event()
        turn = asyncio.run_coroutine_threadsafe(self._turn(queue, is_over), self._loop)
        try:
            turn.result()
        except BaseException:
            turn.cancel()
            is_over.wait(_RELEASE_S)
            raise

    def end(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(STOP_PATIENCE_S + _RELEASE_S)

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._live())
        except Exception:  # noqa: BLE001  (the worker's edge)
            _log.exception("worker_process_broken")
            # Celery starts another one, and whatever is wrong may need a moment.
            time.sleep(AFTER_OUTAGE_S)
            os._exit(1)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._ended = asyncio.Event(), asyncio.Event()
        self._turns: asyncio.Future[Turns] = self._loop.create_future()
        self._one_turn = asyncio.Lock()
        self._loop.add_reader(self._stop_fd, self._note_stop)
        self._has_loop.set()
        with work_folder(self._settings.work_dir):
            while not self._stop.is_set() and not self._turns.done():
                with suppress(DependencyUnavailable):
                    await self._open()
                await pause(self._stop, AFTER_OUTAGE_S)
        await self._ended.wait()

    async def _open(self) -> None:
        try:
            async with open_worker(self._settings, self._queues) as worker, worker.presence.shown():
                if WorkQueue.INDEX in self._queues:
                    await unless(self._stop, worker.reconciling.before_sealing())
                turns = Turns(
                    runner=worker.runner,
                    queue=worker.container.queue,
                    served=self._queues,
                    poll_s=self._settings.jobs.poll_s,
                )
                self._turns.set_result(turns)
                _log.info("worker_ready")
                async with beside(forget_now_and_then()):
                    await self._look_now_and_then(turns)
        except DependencyUnavailable as exc:
            _log.warning("worker_waits", reason=str(exc))
            raise

    async def _look_now_and_then(self, turns: Turns) -> None:
        while not self._stop.is_set():
            await pause(self._stop, UNHEARD_S)
            # After a stop this waits for the turn at hand.
            await self._take(turns, min(self._queues))

    async def _turn(self, queue: WorkQueue, is_over: threading.Event) -> None:
        try:
            async with asyncio.timeout(_OPEN_S):
                turns = await asyncio.shield(self._turns)
            await self._take(turns, queue)
        except TimeoutError:
            _log.warning("worker_not_ready", queue=queue)  # the sweep sends another message
        finally:
            is_over.set()

    async def _take(self, turns: Turns, queue: WorkQueue) -> None:
        async with self._one_turn:
            await self._take_until_stopped(turns, queue)

    async def _take_until_stopped(self, turns: Turns, queue: WorkQueue) -> None:
        taking, stopping = asyncio.create_task(turns.take(queue, self._stop)), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({taking}, timeout=STOP_PATIENCE_S)
        finally:
            for each in (taking, stopping):
                each.cancel()
            await asyncio.gather(taking, stopping, return_exceptions=True)
        if not taking.cancelled():
            taking.result()

    def _note_stop(self) -> None:
        self._loop.remove_reader(self._stop_fd)
        self._stop.set()
