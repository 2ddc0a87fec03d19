"""One ranking out of two: a convex combination of normalised scores (Bruch et al. 2023, "An Analysis of Fusion …")."""

from collections.abc import Sequence

from rag_service.ports.vector_index import Candidate

_LOWEST_COSINE = -1.0
_LOWEST_BM25 = 0.0


def fuse(candidates: Sequence[Candidate], *, dense_weight: float, limit: int) -> list[tuple[Candidate, float]]:
    """Return the best `limit` candidates with their fused scores in [0, 1], best first, ties by chunk id.

    Each side is normalised between the lowest score that exists in theory and the highest of this query: unlike
    the lowest score found, the theoretical one does not depend on how many candidates were taken.
    """
    if not candidates:
        return []
    top_dense = max(candidate.dense_score for candidate in candidates)
    top_sparse = max(candidate.sparse_score for candidate in candidates)
    scored = [
        (
            candidate,
            dense_weight * _share(candidate.dense_score, _LOWEST_COSINE, top_dense)
            + (1 - dense_weight) * _share(candidate.sparse_score, _LOWEST_BM25, top_sparse),
        )
        for candidate in candidates
    ]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].chunk_id))[:limit]


def _share(score: float, lowest: float, highest: float) -> float:
    """Return where `score` lies between both ends; 0 when there is nothing between them."""
    return max(0.0, score - lowest) / (highest - lowest) if highest > lowest else 0.0
