"""Do the passages found answer the question? A first estimate, from retrieval alone."""

import math
from collections import Counter
from collections.abc import Sequence

from rag_service.domain.answers import Passage
from rag_service.domain.sentences import sentence_spans
from rag_service.domain.words import content_stems, stems, words

# Logistic fit on SQuAD 2.0, CLAPNQ, open SQuAD, MTRAG-UN and the handbook, sets and labels weighing the same. Area
# under the curve with the set left out of the fit: 0.68, 0.86, 0.71, 0.85 and 1.0. The unanswerable questions of the
# first three were written against a passage that is found, so only reading it tells. At the default threshold of
# 0.32 one in ten of the answerable questions is refused.
_OFFSET = -4.67
_BEST_COSINE = 6.58
_COVERAGE = 2.33
_MISSING_NUMBER = -1.3
_NEAREST = 3

_LEAST_COSINE, _COSINE_OF_WORDS = 0.35, 0.5
"""The best cosine as it is on average where that share of the words is found."""


def answerability(question: str, passages: Sequence[Passage], *, by_words: bool = False) -> float:
    """Return a score in [0, 1]; 0 without passages.

    It grows with the best cosine and with the share of the question's words that one sentence of the first
    passages holds; words that few passages hold weigh more. It falls when a number of the question is nowhere.
    `by_words`: there are no cosines, and the words stand in for them.
    """
    if not passages:
        return 0.0
    coverage = sentence_coverage(question, passages)
    best_cosine = (
        _LEAST_COSINE + _COSINE_OF_WORDS * coverage if by_words else max(passage.dense_score for passage in passages)
    )
    logit = _OFFSET + _BEST_COSINE * best_cosine + _COVERAGE * coverage
    logit += _MISSING_NUMBER * misses_number(question, passages)
    return 1 / (1 + math.exp(-logit))


def sentence_coverage(question: str, passages: Sequence[Passage]) -> float:
    """Return the largest weighted share of the question's words that one sentence of the first passages holds."""
    asked = content_stems(question) or stems(question)
    held = [frozenset(stems(_whole(passage))) for passage in passages]
    frequency = Counter(word for found in held for word in found.intersection(asked))
    weights = {word: 1 / (1 + frequency[word]) for word in asked}
    total = sum(weights.values())
    shares = (
        sum(weights[word] for word in frozenset(stems(span.of(passage.text))).intersection(weights))
        for passage in passages[:_NEAREST]
        for span in sentence_spans(passage.text)
    )
    return max(shares, default=0.0) / total if total else 0.0


def misses_number(question: str, passages: Sequence[Passage]) -> bool:
    """Say whether the question has a number, such as a year, that no passage has."""
    numbers = {word for word in words(question) if word[0].isdigit()}
    return any(all(number not in words(_whole(passage)) for passage in passages) for number in numbers)


def _whole(passage: Passage) -> str:
    return " ".join((*passage.headings, passage.text))
