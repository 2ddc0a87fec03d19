"""Builds that could not be opened a moment ago."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rag_service.domain.ids import Fingerprint
from rag_service.errors import IndexUnavailable

_TRY_AGAIN_S = 60.0
_TIMES_AS_LONG = 100  # as it took to fail: nobody else is answered meanwhile


class UnreadableBuilds:
    """Refuses for a minute what failed to open, longer where that took long.

    To read a large damaged file for every question keeps all others waiting.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._refused: dict[Fingerprint, tuple[str, float]] = {}

    @contextmanager
    def opening(self, fingerprint: Fingerprint) -> Iterator[None]:
        """Note how opening a build inside of the block ends.

        Raises:
            IndexUnavailable: it failed, with the reason of then, less than a minute ago, or than a hundred times as
                long as that took.
        """
        reason, until_s = self._refused.get(fingerprint, ("", 0.0))
        began_s = self._monotonic()
        if began_s < until_s:
            raise IndexUnavailable(reason)
        try:
            yield
        except IndexUnavailable as exc:
            ended_s = self._monotonic()
            refused_s = max(_TRY_AGAIN_S, _TIMES_AS_LONG * (ended_s - began_s))
            self._refused[fingerprint] = str(exc), ended_s + refused_s
            raise
        self.forget(fingerprint)

    def forget(self, fingerprint: Fingerprint) -> None:
        """Let a build be opened at once: it is another one now, or was mended."""
        self._refused.pop(fingerprint, None)
