"""Vectors that no index may take in: one of them poisons every later score."""

from collections.abc import Sequence

import numpy as np

from rag_service.errors import InvalidRequest
from rag_service.ports.vector_index import Point
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector

# The engine squares in 32 bits: what is shorter or longer it does not bring to length one, and its cosines are wrong.
_SHORTEST, _LONGEST = 1e-3, 1e15


def check_points(points: Sequence[Point], *, dimensions: int) -> None:
    """Refuse the whole batch when one vector cannot be used.

    Raises:
        InvalidRequest: names the first point that cannot be indexed.
    """
    for point in points:
        _check_dense(point.dense, dimensions, what=f"point {point.id}")
        _check_sparse(point.sparse, what=f"point {point.id}")


def check_query(query: QueryVectors, *, dimensions: int) -> None:
    """Refuse a query that has no meaningful scores.

    Raises:
        InvalidRequest: says what is wrong with it.
    """
    if query.dense is not None:
        _check_dense(query.dense, dimensions, what="query")
    _check_sparse(query.sparse, what="query")


def dimensions_of(points: Sequence[Point]) -> int:
    """Return the dimensions that the first point of a build gives to it."""
    return int(points[0].dense.size)


def _check_dense(vector: DenseVector, dimensions: int, *, what: str) -> None:
    if vector.shape != (dimensions,):
        raise InvalidRequest(f"The dense vector of {what} has shape {vector.shape}, the build has ({dimensions},).")
    if not np.isfinite(vector).all():
        raise InvalidRequest(f"The dense vector of {what} holds a value that is not finite.")
    if not _SHORTEST <= (length := float(np.linalg.norm(vector.astype(np.float64)))) <= _LONGEST:
        raise InvalidRequest(f"The dense vector of {what} has the length {length:.3g}: it has no direction.")


def _check_sparse(vector: SparseVector, *, what: str) -> None:
    if vector.indices.shape != vector.values.shape or vector.indices.ndim != 1:
        raise InvalidRequest(f"The sparse vector of {what} has not one value for each index.")
    if not (np.isfinite(vector.values).all() and (vector.values > 0).all()):
        raise InvalidRequest(f"The sparse vector of {what} holds a value that is not finite and above zero.")
    if (np.diff(vector.indices.astype(np.int64)) <= 0).any():
        raise InvalidRequest(f"The indices of the sparse vector of {what} are not ascending and distinct.")
