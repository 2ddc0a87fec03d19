"""An array that grows at its end without being copied each time, under readers who keep what they were given."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LEAST = 1_024
_GROWTH = 1.5  # what is not written to takes no memory


class GrowingArray:
    """One writer. What `values` returned stays as it was, whatever is written later."""

    def __init__(self, dtype: DTypeLike, *row_shape: int, expected: int = 0) -> None:
        self._array: NDArray[Any] = np.empty((int(expected * _GROWTH), *row_shape), dtype)
        self._count = 0

    @property
    def values(self) -> NDArray[Any]:
        """All values, without a copy; not to be written to."""
        return self._array[: self._count]

    def append(self, values: NDArray[Any]) -> None:
        """Add values at the end; those of a wider kind widen the array."""
        count, dtype = self._count + len(values), np.promote_types(self._array.dtype, values.dtype)
        if count > len(self._array) or dtype != self._array.dtype:
            size = max(_LEAST, count, int(self._count * _GROWTH), len(self._array))
            larger = np.empty((size, *self._array.shape[1:]), dtype)
            larger[: self._count] = self.values
            self._array = larger
        self._array[self._count : count] = values
        self._count = count

    def set(self, places: NDArray[np.int64], value: int) -> None:
        """Give one value to some places: in a copy, so this is for narrow arrays."""
        if not places.size:
            return
        changed = np.empty_like(self._array)
        changed[: self._count] = self.values
        changed[places] = value
        self._array = changed

    def pick(self, places: NDArray[np.int64]) -> None:
        """Keep the values at `places` only, in that order."""
        # With room behind them, else the next value moves them all once more.
        picked = np.empty((max(_LEAST, int(len(places) * _GROWTH)), *self._array.shape[1:]), self._array.dtype)
        # The mode that refuses places would fill a second array first; these are of rows that there are.
        np.take(self.values, places, axis=0, out=picked[: len(places)], mode="clip")
        self._array = picked
        self._count = len(places)
