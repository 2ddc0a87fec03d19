"""Builds that could not be opened a moment ago."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rag_service.domain.ids import Fingerprint
from rag_service.errors import IndexUnavailable

_TRY_AGAIN_S = 60.0


class UnreadableBuilds:
    """Refuses for a minute what failed to open: to read a large damaged file for every question keeps all others waiting."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._refused: dict[Fingerprint, tuple[str, float]] = {}

    @contextmanager
    def opening(self, fingerprint: Fingerprint) -> Iterator[None]:
        """Note how opening a build inside of the block ends.

        Raises:
            IndexUnavailable: it failed less than a minute ago, with the reason of then.
        """
        reason, until_s = self._refused.get(fingerprint, ("", 0.0))
        if self._monotonic() < until_s:
            raise IndexUnavailable(reason)
        try:
            yield
        except IndexUnavailable as exc:
            self._refused[fingerprint] = str(exc), self._monotonic() + _TRY_AGAIN_S
            raise
        self.forget(fingerprint)

    def forget(self, fingerprint: Fingerprint) -> None:
        """Let a build be opened at once: it is another one now, or was mended."""
        self._refused.pop(fingerprint, None)
