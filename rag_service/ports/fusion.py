"""How one ranking is made of the candidates of both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rag_service.ports.vector_index import Candidate

Ranked = Sequence[tuple[Candidate, float]]
"""Candidates with their scores, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """Ranked candidates, and how much the dense side counted in their scores: in [0, 1]."""

    ranked: Ranked
    dense_weight: float


class Fuse(Protocol):
    """Makes one ranking of candidates."""

    def __call__(self, candidates: Sequence[Candidate], *, dense_weight: float) -> Fused:
        """Return all candidates with their fused scores in [0, 1], best first.

        `dense_weight` is the most that the dense side counts: it may count less where its scores say so.
        """
