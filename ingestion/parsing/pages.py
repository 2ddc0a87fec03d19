"""How many pages of a file were read: what a parser tells of its way through a long one."""

import time
from collections.abc import Callable

OnPages = Callable[[int, int], None]
"""Called with how many pages were read and how many there are."""

INTERVAL_S = 1.0


def unheard(_done: int, _total: int) -> None:
    """Tell nobody."""


class NowAndThen:
    """Passes on at most one report per interval, and none of a file that is read before the first one is over."""

    def __init__(self, tell: OnPages) -> None:
        self._tell = tell
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Report, if it is time to."""
        now = time.monotonic()
        if now - self._told_at >= INTERVAL_S:
            self._told_at = now
            self._tell(done, total)
