"""How good a ranking is, as trec_eval and BEIR compute it.

`ranking` holds distinct document ids, best first; `grades` the judged ones, relevant above 0.
A query without a relevant document cannot be measured.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from eval.metrics.scores import Score, missing

UNJUDGED = "no relevant document is judged"


def recall_at(ranking: Sequence[str], grades: Mapping[str, int], k: int) -> Score:
    """Return the share of the relevant documents that are among the first `k`."""
    relevant = _relevant(grades)
    if not relevant:
        return missing(UNJUDGED)
    return Score(len(relevant.intersection(ranking[:k])) / len(relevant))


def reciprocal_rank_at(ranking: Sequence[str], grades: Mapping[str, int], k: int) -> Score:
    """Return 1 / rank of the first relevant document among the first `k`, else 0."""
    relevant = _relevant(grades)
    if not relevant:
        return missing(UNJUDGED)
    return Score(next((1 / rank for rank, key in enumerate(ranking[:k], start=1) if key in relevant), 0.0))


def ndcg_at(ranking: Sequence[str], grades: Mapping[str, int], k: int) -> Score:
    """Return the discounted gain of the first `k` over the best possible one: gain is the grade, not 2^grade - 1."""
    ideal = _discounted(sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:k])
    if not ideal:
        return missing(UNJUDGED)
    return Score(_discounted(max(grades.get(key, 0), 0) for key in ranking[:k]) / ideal)


def documents_of(chunk_documents: Iterable[str]) -> list[str]:
    """Return each document once, at the place of its best chunk, from the documents of ranked chunks."""
    return list(dict.fromkeys(chunk_documents))


def _relevant(grades: Mapping[str, int]) -> set[str]:
    return {key for key, grade in grades.items() if grade > 0}


def _discounted(gains: Iterable[int]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
