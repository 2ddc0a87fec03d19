"""How the best passages lie to each other, and the order that this makes of them.

Two things speak for a passage that its own scores do not say. It is like the two best ones (pseudo-relevance feedback:
Rocchio 1971; with dense vectors Li et al. 2021, "Pseudo Relevance Feedback with Deep Language Models and Dense
Retrievers"), and those nearest to it have high scores too (Diaz 2005, "Regularizing Ad Hoc Retrieval Scores").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import PointId
from rag_service.ports.fusion import Fused, Ranked
from rag_service.ports.vectors import DenseVector

# Measured: docs/adr/0033-relevance-feedback.md. One example may be wrong; three are about something else too often.
EXAMPLES = 2
_LOOKED_AT = 50
_NEAREST = 3
_SHARPNESS = 4  # how much more the nearer of the nearest count: a power of their cosines
# What is alike must tie, in whatever order an engine or a matrix product rounds.
_DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Affinity:
    """How `points` lie to each other, of those that were looked at the ones whose vectors are there.

    `likeness`: how much each is like the examples, 1 for the one most like them, 0 for the opposite.
    `nearest`: for each the places of the other points nearest to it, and how much each of these counts, 1 in all: both
    of shape (points, at most three).
    """

    points: tuple[PointId, ...]
    likeness: NDArray[np.float64]
    nearest: NDArray[np.int64]
    shares: NDArray[np.float64]

    def around(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each point the mean of the scores of those nearest to it; its own where it is alone."""
        if not self.nearest.size:
            return scores
        means: NDArray[np.float64] = (scores[self.nearest] * self.shares).sum(axis=1)
        return means


def looked_at(fused: Fused) -> list[PointId]:
    """Return the points whose vectors are wanted, the examples first."""
    return [candidate.point_id for candidate, _ in fused.ranked[:_LOOKED_AT]]


def affinity(points: Sequence[PointId], vectors: Mapping[PointId, DenseVector]) -> Affinity:
    """Return how `points` lie to each other, the first of which that have vectors are the examples."""
    there = tuple(point for point in points if point in vectors)
    if not there:
        return Affinity((), np.empty(0), np.empty((0, 0), dtype=np.int64), np.empty((0, 0)))
    directions = _of_length_one(np.stack([vectors[point] for point in there]))
    cosines = np.round(directions @ directions.T, _DECIMALS)
    # An example is like itself, so the highest of the means is at least 0.
    like_examples = cosines[:, :EXAMPLES].mean(axis=1)
    likeness = np.round((like_examples + 1) / (like_examples.max() + 1), _DECIMALS)
    return Affinity(there, likeness, *_nearest(cosines))


def reordered(fused: Fused, near: Affinity, *, feedback_weight: float) -> Ranked:
    """Return what was ranked, each score lowered the less speaks for it, but not below 0; ties by chunk id.

    A score falls by up to `feedback_weight`, times the weight of the dense side, for what the passage is unlike the
    examples, and by as much of what the scores around it are behind the best of these. What is not in `near` falls as
    much as any: what was not looked at stays in its order, behind what was.
    """
    weight = feedback_weight * fused.dense_weight
    scores = {candidate.point_id: score - weight for candidate, score in fused.ranked}
    if near.points:
        lowered = np.array([scores[point] for point in near.points]) + weight * near.likeness
        around = near.around(lowered)
        behind = weight * (around.max() - around)
        most = float(behind.max())
        scores = {point: score - most for point, score in scores.items()}
        scores.update(zip(near.points, (lowered - behind).tolist(), strict=True))
    in_order = sorted(fused.ranked, key=lambda pair: (-scores[pair[0].point_id], pair[0].chunk_id))
    return [(candidate, max(0.0, scores[candidate.point_id])) for candidate, _ in in_order]


def _nearest(cosines: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places of the nearest others of each point, and how much each of these counts."""
    others = cosines.copy()
    np.fill_diagonal(others, -np.inf)
    nearest = np.argsort(-others, axis=1, kind="stable")[:, : min(_NEAREST, len(cosines) - 1)]
    closeness = np.maximum(np.take_along_axis(others, nearest, axis=1), 0) ** _SHARPNESS
    # What is at right angles to everything has nothing near: all are as far.
    totals = closeness.sum(axis=1, keepdims=True)
    return nearest, np.where(
        totals > 0, closeness / np.maximum(totals, np.finfo(np.float64).tiny), 1 / max(1, nearest.shape[1])
    )


def _of_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    long = vectors.astype(np.float64)
    normal: NDArray[np.float64] = long / np.linalg.norm(long, axis=1, keepdims=True)
    return normal
