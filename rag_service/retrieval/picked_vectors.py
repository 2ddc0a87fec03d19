"""Some vectors of an array, gathered slice by slice: a copy of a million takes 1.5 GB."""

import numpy as np
from numpy.typing import NDArray

from rag_service.ports.vectors import DenseVector


class PickedVectors:
    """The vectors at `places` of `vectors`, in that order; of shape (places, dimensions)."""

    def __init__(self, vectors: DenseVector, places: NDArray[np.int64]) -> None:
        self._vectors = vectors
        self._places = places
        self.shape = (len(places), vectors.shape[1])

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, part: slice) -> DenseVector:
        picked: DenseVector = self._vectors[self._places[part]]
        return picked
