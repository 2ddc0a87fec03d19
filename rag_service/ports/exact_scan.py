"""The truth that an index is measured against: the nearest vectors by looking at all of them."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag_service.ports.vectors import DenseVector

Rows = NDArray[np.int64]


class ExactScan(Protocol):
    """Compares every vector of a block with every question."""

    def nearest(self, questions: DenseVector, vectors: DenseVector, *, limit: int) -> tuple[DenseVector, Rows]:
        """Return inner products and rows of the `limit` vectors nearest to each question, best first.

        Both have the shape (questions, the smaller of `limit` and the vectors).
        """
