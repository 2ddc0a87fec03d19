"""The end of a Celery worker that was told to stop. The job table is the truth, so no broker can delay or spoil it."""

import os
import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger()


class Stopping:
    """Passes a stop on to the worker's processes, and ends the program when Celery does not.

    `pass_on` tells the processes, which give back within `limit_s` whatever they have not ended. Celery's main process
    may need longer: it takes leave of the broker with one question after the other, and one that is frozen answers none.
    """

    def __init__(self, pass_on: Callable[[], None], *, limit_s: float) -> None:
        self._pass_on = pass_on
        self._limit_s = limit_s
        self.is_told = False

    def tell(self) -> None:
        """Stop the processes now, and the program after `limit_s` at the latest. Safe to repeat."""
        if self.is_told:
            return
        self.is_told = True
        overdue = threading.Timer(self._limit_s, _leave)
        overdue.daemon = True
        overdue.start()
        self._pass_on()


def _leave() -> None:
    _log.warning("worker_left_the_broker_without_an_answer")
    os._exit(0)  # its processes end with the pipes to it
