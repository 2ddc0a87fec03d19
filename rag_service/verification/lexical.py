"""Support scored by rules: shared words, then everything that must not differ."""

import math
from collections.abc import Sequence

import numpy as np

from rag_service.domain.sentences import sentence_spans
from rag_service.domain.words import content_stems, stems
from rag_service.errors import EmbedderUnavailable
from rag_service.ports.embedder import Embedder
from rag_service.ports.verifier import Claim
from rag_service.verification.facts import is_turned_round, missing_names, missing_numbers, negation_differs, overstates
from rag_service.verification.quotes import find_verbatim

# Logistic fit, 0.6 being even odds, on the WiCE, SciFact, SummEdits and BEGIN labels. Balanced accuracy at 0.6 on
# LFQA sentences, which were not used: 0.79, with 92 % of the unsupported ones caught.
_OFFSET = -1.6
_COVERAGE = 0.75
_COVERAGE_SQUARED = 2.45
_SIMILARITY = 1.4
_CEILING = 0.45
"""What a claim can get at most that differs from its evidence in a number, a name or its direction."""
_SAME_STATEMENT = 0.6


class LexicalVerifier:
    """The Verifier that needs no model of its own. With an embedder, while that answers, it forgives other words too.

    Numbers and names of the claim must be in the evidence, or the score stays below one half.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder

    @property
    def name(self) -> str:
        """Backend and rule version, for the answer record."""
        return "lexical-1" if self._embedder is None else f"lexical-1+{self._embedder.fingerprint.model}"

    async def support(self, claims: Sequence[Claim]) -> list[float]:
        """Return one score per claim; see the port."""
        open_claims = [claim for claim in claims if not _is_verbatim(claim)]
        similarities = iter(await self._similarities(open_claims))
        return [1.0 if _is_verbatim(claim) else _score(claim, next(similarities)) for claim in claims]

    async def _similarities(self, claims: Sequence[Claim]) -> list[float]:
        if not claims or self._embedder is None:
            return [_word_similarity(claim) for claim in claims]
        try:
            texts = [text for claim in claims for text in (claim.text, claim.evidence)]
            rows = await self._embedder.embed_passages(texts)
        except EmbedderUnavailable:
            return [_word_similarity(claim) for claim in claims]
        return [float(value) for value in np.sum(rows[0::2] * rows[1::2], axis=1)]


def _is_verbatim(claim: Claim) -> bool:
    return find_verbatim(claim.text.strip(), claim.evidence) is not None


def _score(claim: Claim, similarity: float) -> float:
    coverage = _coverage(claim.text, claim.evidence)
    logit = _OFFSET + _COVERAGE * coverage + _COVERAGE_SQUARED * coverage**2 + _SIMILARITY * similarity
    score = 1 / (1 + math.exp(-logit))
    return min(score, _CEILING) if _differs(claim, coverage) else score


def _differs(claim: Claim, coverage: float) -> bool:
    """Say whether the claim says something that its evidence cannot mean."""
    if missing_numbers(claim.text, claim.evidence) or missing_names(claim.text, claim.evidence):
        return True
    nearest = _nearest_sentence(claim)
    if coverage >= _SAME_STATEMENT and negation_differs(claim.text, nearest):
        return True
    return is_turned_round(claim.text, nearest) or overstates(claim.text, nearest)


def _nearest_sentence(claim: Claim) -> str:
    sentences = [span.of(claim.evidence) for span in sentence_spans(claim.evidence)]
    return max(sentences, key=lambda sentence: _coverage(claim.text, sentence), default="")


def _coverage(text: str, evidence: str) -> float:
    wanted = content_stems(text) or stems(text)
    held = frozenset(stems(evidence))
    return sum(word in held for word in wanted) / len(wanted) if wanted else 0.0


def _word_similarity(claim: Claim) -> float:
    """A stand-in for the cosine: what it is on average where that share of the words is the same."""
    return 0.35 + 0.5 * _coverage(claim.text, claim.evidence)
