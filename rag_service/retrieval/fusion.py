"""One ranking out of two: a convex combination of normalised scores (Bruch et al. 2023, "An Analysis of Fusion …").

The weight of the model is lowered for queries that it does not seem to understand.
"""

from collections.abc import Sequence

from rag_service.ports.fusion import Fused
from rag_service.ports.vector_index import Candidate
from rag_service.retrieval.trust import trust_in_meaning

_LOWEST_COSINE = -1.0
_LOWEST_BM25 = 0.0


def fuse(candidates: Sequence[Candidate], *, dense_weight: float) -> Fused:
    """Return the candidates with their fused scores in [0, 1], best first, ties by chunk id.

    Each side is normalised between the lowest score that exists in theory and the highest of this query: unlike
    the lowest score found, the theoretical one does not depend on how many candidates were taken. `dense_weight` is
    the most that the dense side counts: its odds are multiplied by the trust that the scores deserve.
    """
    if not candidates:
        return Fused(ranked=[], dense_weight=dense_weight)
    top_dense = max(candidate.dense_score for candidate in candidates)
    top_sparse = max(candidate.sparse_score for candidate in candidates)
    weight = _lowered(dense_weight, trust_in_meaning(candidates))
    scored = [
        (
            candidate,
            weight * _share(candidate.dense_score, _LOWEST_COSINE, top_dense)
            + (1 - weight) * _share(candidate.sparse_score, _LOWEST_BM25, top_sparse),
        )
        for candidate in candidates
    ]
    return Fused(ranked=sorted(scored, key=lambda pair: (-pair[1], pair[0].chunk_id)), dense_weight=weight)


def _lowered(weight: float, trust: float) -> float:
    """Return the weight whose odds are `trust` times as high: all stays all, and nothing nothing."""
    return weight * trust / (weight * trust + 1 - weight) if weight < 1 else 1.0


def _share(score: float, lowest: float, highest: float) -> float:
    """Return where `score` lies between both ends; 0 when there is nothing between them."""
    return max(0.0, score - lowest) / (highest - lowest) if highest > lowest else 0.0
