"""How long the stages of one request took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up the time spent per stage, in milliseconds of the monotonic clock."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._spent_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block towards `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self._spent_ms[name] = self._spent_ms.get(name, 0.0) + spent

    def stages_ms(self) -> dict[str, float]:
        """Return what was spent per stage so far."""
        return {name: round(spent, 2) for name, spent in self._spent_ms.items()}

    def timings_ms(self) -> dict[str, float]:
        """Return what was spent per stage so far, and `total` since the start."""
        return {**self.stages_ms(), "total": round((time.perf_counter() - self._started) * 1000, 2)}
