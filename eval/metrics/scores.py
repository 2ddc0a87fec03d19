"""One measurement, and many. What could not be measured is missing: never 0, never 1, never NaN."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Score:
    """A measurement of one case. `value` None is missing, and `reason` says why."""

    value: float | None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"not a measurement: {self.value}")
        if self.value is None and not self.reason:
            raise ValueError("a missing score needs a reason")


def missing(reason: str) -> Score:
    """Return a score that could not be taken."""
    return Score(None, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The mean of the scores that could be taken, and how many of all cases those are.

    `target` is the least value that passes.
    """

    name: str
    value: float | None
    measured: int
    total: int
    missing: Mapping[str, int] = field(default_factory=dict)
    target: float | None = None

    @property
    def passed(self) -> bool | None:
        """Say whether the target is reached; None without a target. A missing value reaches none."""
        if self.target is None:
            return None
        return self.value is not None and self.value >= self.target


def mean_of(name: str, scores: Iterable[Score], *, target: float | None = None) -> Metric:
    """Return the mean of the measured scores."""
    taken = list(scores)
    values = [score.value for score in taken if score.value is not None]
    return Metric(
        name=name,
        value=math.fsum(values) / len(values) if values else None,
        measured=len(values),
        total=len(taken),
        # A plain dict: dataclasses.asdict counts the items of a Counter instead of copying it.
        missing=dict(Counter(score.reason for score in taken if score.value is None)),
        target=target,
    )
