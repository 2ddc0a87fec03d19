"""Exact scans by FAISS."""

import numpy as np

from rag_service.ports.exact_scan import Rows
from rag_service.ports.vectors import DenseVector


class FaissScan:
    """Implements `ports.exact_scan.ExactScan`."""

    def nearest(self, questions: DenseVector, vectors: DenseVector, *, limit: int) -> tuple[DenseVector, Rows]:
        """See the port."""
        # Not before it is needed: importing it takes half a second, and only workers scan.
        import faiss  # noqa: PLC0415

        count = min(limit, len(vectors))
        if not count or not len(questions):
            return np.empty((len(questions), 0), np.float32), np.empty((len(questions), 0), np.int64)
        wanted, known = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (questions, vectors))
        scores, rows = faiss.knn(wanted, known, count, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, rows
