"""How sure the mean of paired differences is."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.comparisons import Spread

_RESAMPLES = 2_000
_SEED = 20_260_101  # the same differences always give the same bounds
_CELLS = 1_000_000
"""So many draws are worked on at once, however many pairs there are: kept, they take two bytes each, not forty."""

_Draws = tuple[NDArray[np.uint8], NDArray[np.int8]]


class PairedDifferences:
    """Bounds of means by the paired bootstrap, and p-values of a randomisation test.

    The test turns the signs of pairs at random (Fisher 1935): unlike the bootstrap it is right for a handful of pairs too.
    One object serves one comparison: it keeps its draws, as most metrics have the same number of pairs.
    """

    def __init__(self) -> None:
        self._draws: tuple[int, _Draws] | None = None

    def __call__(self, differences: Sequence[float]) -> Spread:
        """Return how sure the mean of these differences is."""
        taken = np.asarray(differences, dtype=np.float64)
        if not taken.any():
            return Spread(low=0.0, high=0.0, p_value=1.0)
        counts, signs = self._drawn(len(taken))
        low, high = np.quantile(_sums(counts, taken) / len(taken), (0.025, 0.975))
        # What differs by rounding only is as extreme as what was seen, and what was seen is one of the possible turns.
        as_extreme = int((np.abs(_sums(signs, taken)) >= np.abs(taken.sum()) * (1 - 1e-9)).sum())
        return Spread(low=float(low), high=float(high), p_value=(as_extreme + 1) / (_RESAMPLES + 1))

    def _drawn(self, pairs: int) -> _Draws:
        if self._draws is None or self._draws[0] != pairs:
            self._draws = pairs, _draw(pairs)
        return self._draws[1]


def _draw(pairs: int) -> _Draws:
    """Return how often each resample has each pair, and the signs of each turn."""
    random = np.random.default_rng(_SEED)
    counts = np.empty((_RESAMPLES, pairs), dtype=np.uint8)  # one pair 256 times in a resample: never drawn
    for block in _blocks(pairs):
        rows = len(counts[block])
        places = random.integers(0, pairs, size=(rows, pairs)) + pairs * np.arange(rows)[:, None]
        counts[block] = np.bincount(places.ravel(), minlength=rows * pairs).reshape(rows, pairs)
    return counts, 2 * random.integers(0, 2, size=(_RESAMPLES, pairs), dtype=np.int8) - 1


def _sums(factors: NDArray[np.uint8] | NDArray[np.int8], taken: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([factors[block].astype(np.float64) @ taken for block in _blocks(len(taken))])


def _blocks(pairs: int) -> Iterator[slice]:
    """Yield the resamples in parts."""
    at_once = max(1, _CELLS // pairs)
    for start in range(0, _RESAMPLES, at_once):
        yield slice(start, start + at_once)
