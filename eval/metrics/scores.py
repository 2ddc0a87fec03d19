"""One measurement, and many. What could not be measured is missing: never 0, never 1, never NaN."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.evaluations import Figure

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""A figure of each row of a matrix."""

_RESAMPLES = 1000
_SEED = 20_231
_CONFIDENCE = 95.0
_CELLS = 2_000_000


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


def unmeasurable(name: str, reason: str, *, target: float | None = None) -> Figure:
    """Return a figure for which there is no case."""
    return Figure(name=name, value=None, measured=0, total=0, missing={reason: 1}, target=target)


def mean_of(name: str, scores: Iterable[Score], *, target: float | None = None) -> Figure:
    """Return the mean of the measured scores."""
    return figure_of(name, scores, _means, target=target)


def percentile_of(name: str, scores: Iterable[Score], percent: float, *, target: float | None = None) -> Figure:
    """Return the value below which `percent` of the measured scores lie."""
    return figure_of(name, scores, lambda rows: np.percentile(rows, percent, axis=1), target=target)


def figure_of(name: str, scores: Iterable[Score], statistic: Statistic, *, target: float | None = None) -> Figure:
    """Return a figure of the measured scores with its bounds."""
    taken = list(scores)
    # In order: rounding must not depend on which case came first.
    values = np.sort(np.array([score.value for score in taken if score.value is not None], dtype=np.float64))
    low, high = bounds_of(values, statistic)
    return Figure(
        name=name,
        value=float(statistic(values[None, :])[0]) if len(values) else None,
        measured=len(values),
        total=len(taken),
        # A plain dict: dataclasses.asdict counts the items of a Counter instead of copying it.
        missing=dict(Counter(score.reason for score in taken if score.value is None)),
        low=low,
        high=high,
        target=target,
    )


def bounds_of(values: Floats, statistic: Statistic) -> tuple[float | None, float | None]:
    """Return the 95 % percentile bootstrap interval (Efron 1979), always by the same draws; None below two values."""
    if len(values) < 2:  # noqa: PLR2004  (one value says nothing about the next)
        return None, None
    rng = np.random.default_rng(_SEED)
    block = max(1, _CELLS // len(values))  # a large run must not fill the memory with its resamples
    figures = [
        statistic(values[rng.integers(0, len(values), (min(block, _RESAMPLES - done), len(values)))])
        for done in range(0, _RESAMPLES, block)
    ]
    tail = (100 - _CONFIDENCE) / 2
    low, high = np.percentile(np.concatenate(figures), [tail, 100 - tail])
    return float(low), float(high)


def _means(rows: Floats) -> Floats:
    means: Floats = rows.mean(axis=1)
    return means
