"""How far the model's scores of one query can be trusted beside the words', told from the scores alone.

A model that knows the language and the subject puts its best hit far above the rest, and finds much of what the words
find too. One that does not know them, such as an English model asked in Greek, likes everything about as well.
"""

import math
from collections.abc import Sequence
from operator import attrgetter

from rag_service.ports.vector_index import Candidate

_DEPTHS = (20, 30, 50)
"""How many of the best of each side are compared: what is taken beyond them changes nothing."""

# Neither sign depends on how high a model's cosines are. How the numbers were found: docs/adr/0031-fusion-by-trust.md, 0033.
_STANDING_OUT = 6.5
_COMMON = 9.0
_OFFSET = 2.2


def trust_in_meaning(candidates: Sequence[Candidate]) -> float:
    """Return a number in [0, 1]: 1 when only the model tells candidates apart, 0 when only the words do."""
    meant = _best(candidates, "dense_score")
    worded = _best([candidate for candidate in candidates if candidate.sparse_score > 0], "sparse_score")
    looked_at = {candidate.chunk_id: candidate for candidate in (*meant, *worded)}.values()
    of_words = _standing_out([candidate.sparse_score for candidate in looked_at])
    of_model = _standing_out([candidate.dense_score for candidate in looked_at])
    if not of_words or not of_model:
        return 0.0 if of_words else 1.0
    in_common = _common(meant, worded, among=len(candidates))
    signs = _STANDING_OUT * math.log(of_model / of_words) + _COMMON * in_common + _OFFSET
    return 1 / (1 + math.exp(-signs))


def _best(candidates: Sequence[Candidate], score: str) -> list[Candidate]:
    value = attrgetter(score)
    return sorted(candidates, key=lambda candidate: (-value(candidate), candidate.chunk_id))[: _DEPTHS[-1]]


def _standing_out(scores: Sequence[float]) -> float:
    """Return how many standard deviations the highest score is above the mean; 0 when all are alike."""
    # The mean of equal scores may round above them.
    if not scores or min(scores) == max(scores):
        return 0.0
    mean = math.fsum(scores) / len(scores)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores))
    return (max(scores) - mean) / deviation if deviation else 0.0


def _common(meant: Sequence[Candidate], worded: Sequence[Candidate], *, among: int) -> float:
    """Return which share of what the words find best the model finds too, beyond what chance brings, as a mean of depths.

    1: all of it; 0: as much as of any candidates (Cohen's kappa is made alike); -1: much less. `among` is how many there are: in a small
    corpus the best 50 of both sides are the same passages, whatever is asked.
    """
    shares = [_beyond_chance(meant[:depth], worded[:depth], depth / among) for depth in _DEPTHS if depth < among]
    return math.fsum(shares) / len(shares) if shares else 0.0


def _beyond_chance(meant: Sequence[Candidate], worded: Sequence[Candidate], chance: float) -> float:
    found = {candidate.chunk_id for candidate in meant}
    share = sum(candidate.chunk_id in found for candidate in worded) / len(worded)
    # Where nearly all candidates are looked at one that is not in common would count for dozens.
    return max(-1.0, (share - chance) / (1 - chance))
