"""Has what comes in, or what goes out, changed? Two samples of one number are compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10
FEWEST = 50
"""Below so many values on a side both measures are mostly noise."""

MODERATE_PSI = 0.1
LARGE_PSI = 0.25
"""The customary readings of the index (Siddiqi, Credit Risk Scorecards, 2006); they assume hundreds of values a side."""

_MODERATE_PSI_OF_SHARES = 0.05
"""Two bins give a lower index than ten: abstentions that double from one in ten to one in five come to 0.08."""

_PSEUDO_COUNT = 0.5
_KS_TERMS = 100
_NO_DISTANCE = 0.2


@dataclass(frozen=True, slots=True)
class KsTest:
    """The greatest distance of two empirical distributions, and the chance of one as great when nothing changed."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The stability index of two samples, the chance of one as great when nothing changed, and the verdict of both."""

    psi: float
    p_value: float
    has_drifted: bool


def psi(reference: Sequence[float], current: Sequence[float], *, bins: int = BINS) -> float:
    """Return the population stability index: Σ (c - r) ln(c / r) over bins; 0 for the same shares, never negative.

    The bins are quantiles of the reference (Siddiqi 2006), the outer ones open. Half a value is added to every bin
    (Jeffreys' prior), because an empty one would make the index infinite. Equal values fall into one bin. A value that several
    quantiles share has a bin of its own, so that a fall of what nearly always is 1 shows as a rise does.

    Raises:
        ValueError: a side is empty, or holds something that is no number.
    """
    known, seen = _sample(reference), _sample(current)
    quantiles, times = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]), return_counts=True)
    edges = np.sort(np.concatenate([quantiles, np.nextafter(quantiles[times > 1], -np.inf)]))
    expected, found = _shares(known, edges), _shares(seen, edges)
    return float(np.sum((found - expected) * np.log(found / expected)))


def ks_test(reference: Sequence[float], current: Sequence[float]) -> KsTest:
    """Return the two-sample Kolmogorov-Smirnov test with its asymptotic p-value (Smirnov 1948).

    With many equal values the true p-value is lower: the test is then on the safe side.

    Raises:
        ValueError: a side is empty, or holds something that is no number.
    """
    known, seen = np.sort(_sample(reference)), np.sort(_sample(current))
    every = np.concatenate([known, seen])
    below = np.searchsorted(known, every, side="right") / len(known)
    distance = float(np.abs(below - np.searchsorted(seen, every, side="right") / len(seen)).max())
    size = math.sqrt(len(known) * len(seen) / (len(known) + len(seen)))
    return KsTest(distance, _kolmogorov(size * distance))


def compare_numbers(reference: Sequence[float], current: Sequence[float], *, alpha: float) -> Difference:
    """Compare two samples of a number.

    The test alone finds differences that matter to nobody in large samples; the index alone is noise in small ones. So
    both have to speak: a p-value below `alpha`, and a moderate index. Too few values on a side never drift.

    Raises:
        ValueError: a side is empty, or holds something that is no number.
    """
    index, p_value = psi(reference, current), ks_test(reference, current).p_value
    is_enough = min(len(reference), len(current)) >= FEWEST
    return Difference(index, p_value, is_enough and p_value < alpha and index >= MODERATE_PSI)


def compare_shares(reference: Sequence[float], current: Sequence[float], *, alpha: float) -> Difference:
    """Compare how often something is so (1) and not (0).

    When nothing changed, the index divided by (1/n + 1/m) follows a chi-squared distribution (Yurdakul 2018), here of
    one degree of freedom. Too few values on a side never drift.

    Raises:
        ValueError: a side is empty, or holds something that is no number.
    """
    known, seen = _sample(reference), _sample(current)
    before, now = ((side.sum() + _PSEUDO_COUNT) / (len(side) + 2 * _PSEUDO_COUNT) for side in (known, seen))
    odds = np.log(now / (1 - now)) - np.log(before / (1 - before))
    index = max(0.0, float((now - before) * odds))  # rounding may take it below
    p_value = math.erfc(math.sqrt(index / (1 / len(known) + 1 / len(seen)) / 2))
    is_enough = min(len(known), len(seen)) >= FEWEST
    return Difference(index, p_value, is_enough and p_value < alpha and index >= _MODERATE_PSI_OF_SHARES)


def _sample(values: Sequence[float]) -> NDArray[np.float64]:
    sample = np.array(values, dtype=np.float64)
    if not len(sample) or not np.isfinite(sample).all():
        raise ValueError("a sample has at least one value, and only numbers")
    return sample


def _shares(sample: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    # A value on an edge belongs below it, where the quantile put it.
    counts = np.bincount(np.searchsorted(edges, sample, side="left"), minlength=len(edges) + 1) + _PSEUDO_COUNT
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _kolmogorov(distance: float) -> float:
    """The chance that Kolmogorov's distribution exceeds `distance`: 2 Σ (-1)^(j-1) exp(-2 j² d²)."""
    if distance < _NO_DISTANCE:
        return 1.0  # the series converges too slowly there, and its sum is 1 to twelve places
    terms = (2 * (-1) ** (term - 1) * math.exp(-2 * (term * distance) ** 2) for term in range(1, _KS_TERMS + 1))
    return min(1.0, max(0.0, math.fsum(terms)))
