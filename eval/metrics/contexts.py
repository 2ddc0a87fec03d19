"""How much of what was found is of use, passage by passage; no language model is asked."""

import math
from collections.abc import Sequence

from eval.metrics.quotes import Held
from eval.metrics.ranking import UNJUDGED
from eval.metrics.scores import Score, missing
from rag_service.domain.golden import GoldQuote


def context_precision(held: Held, gold: Sequence[GoldQuote]) -> Score:
    """Return the mean of precision@k over the ranks k of relevant passages; 0 when none is relevant.

    That is RAGAS's context precision (average precision over what was found), its judge's verdict replaced by "holds a
    gold quote".
    """
    if not gold:
        return missing(UNJUDGED)
    relevant = [rank for rank, quotes in enumerate(held, start=1) if quotes]
    precisions = [count / rank for count, rank in enumerate(relevant, start=1)]
    return Score(math.fsum(precisions) / len(precisions) if precisions else 0.0)


def context_recall(held: Held, gold: Sequence[GoldQuote], k: int | None = None) -> Score:
    """Return the share of gold quotes held by the first `k` passages, by any of them without `k`.

    RAGAS's context recall asks of each statement of the reference whether a context holds it; here the gold quotes are
    those statements.
    """
    if not gold:
        return missing(UNJUDGED)
    return Score(len(frozenset().union(*held[:k])) / len(set(gold)))
