"""Seconds of processor time: on a machine that others use too they say more than those of the clock."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.running import RunningService


@dataclass
class Spent:
    """What a piece of work took; filled in when it is over."""

    seconds: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def spending(service: RunningService) -> Iterator[Spent]:
    """Measure what the service and the programs started meanwhile take."""
    spent = Spent()
    started, before = time.perf_counter(), _cpu_s(service)
    yield spent
    spent.seconds, spent.cpu_s = time.perf_counter() - started, _cpu_s(service) - before


def _cpu_s(service: RunningService) -> float:
    # Programs that have ended and were waited for, the command line among them.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + service.cpu_s()
