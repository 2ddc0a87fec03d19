"""How long a search waits for a part that it can do without."""

import time
from collections.abc import Callable


class Deadline:
    """The time of one search, counted from the making of this. With `seconds` 0 there is no end to it."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._started = clock()

    @property
    def is_set(self) -> bool:
        """Whether the search goes on without a part that has not answered in its share of the time."""
        return self._seconds > 0

    def share_s(self) -> float | None:
        """Return what the next part may take: half of what is left, so that the one after it has as much.

        It is at least a quarter of the whole: who comes late, behind a model that was loaded, is still asked.
        """
        left_s = self._seconds - (self._clock() - self._started)
        return max(left_s / 2, self._seconds / 4) if self.is_set else None
