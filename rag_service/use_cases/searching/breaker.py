"""When a part of the system is left alone for a while, because it did not answer of late. No clock, no input, no output."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

_REMEMBERED = 20
"""Outcomes that are looked at: a part that fails once in a while stays in use."""


class BreakerState(StrEnum):
    """Closed: calls go through. Open: none does. Half open: one call is out, to see whether the part is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """Open after `failures` within `window_s`, if they are at least half of what came of the calls in it.

    After `pause_s` one call is let through; when it has told nothing for as long again, another one is.
    """

    failures: int = 3
    window_s: float = 10.0
    pause_s: float = 2.0


class Breaker:
    """The state of one part. `now` is seconds of a monotonic clock, and never smaller than before."""

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=_REMEMBERED)
        self._state = BreakerState.CLOSED
        self._until = 0.0

    @property
    def state(self) -> BreakerState:
        """What it does with the next call."""
        return self._state

    def admits(self, now: float) -> bool:
        """Say whether a call may be made now. What comes of it is told by `succeeded` or `failed`."""
        if self._state is BreakerState.CLOSED:
            return True
        if now < self._until:
            return False
        self._state, self._until = BreakerState.HALF_OPEN, now + self._rules.pause_s
        return True

    def succeeded(self, now: float) -> None:
        """Note that the part answered, on whichever call: it is back."""
        if self._state is not BreakerState.CLOSED:
            self._outcomes.clear()
        self._state = BreakerState.CLOSED
        self._outcomes.append((now, True))

    def failed(self, now: float) -> None:
        """Note that the part did not answer."""
        self._outcomes.append((now, False))
        if self._state is BreakerState.HALF_OPEN or self._fails_often(now):
            self._state, self._until = BreakerState.OPEN, now + self._rules.pause_s

    def _fails_often(self, now: float) -> bool:
        recent = [is_good for at, is_good in self._outcomes if now - at < self._rules.window_s]
        failures = recent.count(False)
        return failures >= self._rules.failures and 2 * failures >= len(recent)
