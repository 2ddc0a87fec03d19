"""The vectors that pass between embedders, encoders and indexes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DenseVector = NDArray[np.float32]
"""One vector, shape (dimensions,), or a matrix of them, shape (texts, dimensions)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseVector:
    """Weights of terms: `indices` are ascending, distinct uint32 term ids, `values` float32 above zero."""

    indices: NDArray[np.uint32]
    values: NDArray[np.float32]

    def dot(self, other: "SparseVector") -> float:
        """Return the inner product: with BM25 vectors of a query and a passage, the BM25 score."""
        _, mine, theirs = np.intersect1d(self.indices, other.indices, assume_unique=True, return_indices=True)
        return float(np.dot(self.values[mine], other.values[theirs]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryVectors:
    """A question as the index understands it. `sparse` carries the inverse document frequencies.

    Without `dense` only words are looked for: then no candidate has a dense score, which stands as 0.
    """

    dense: DenseVector | None
    sparse: SparseVector
