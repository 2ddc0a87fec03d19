"""Is a window of answers like the days before it?"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.drift import Difference, compare_numbers, compare_shares
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.live import ABSTENTION, QUESTIONS, WATCHED, LiveScore

FALSE_ALARMS = 0.01
"""How often, at most, a window in which nothing changed counts as drifted in any measure, as far as answers are independent."""

_ALPHA = FALSE_ALARMS / len(WATCHED)  # Bonferroni

_NO_LENGTH = 1e-6
"""The square of a length below which a sum of vectors points nowhere: it is less than their rounding."""

_NUMBERS = tuple(name for name in WATCHED if name not in {QUESTIONS, ABSTENTION})

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A measure on either side; without index and p-value when there was too little to compare."""

    measure: str
    reference: float | None
    current: float | None
    reference_count: int
    current_count: int
    psi: float | None = None
    p_value: float | None = None
    has_drifted: bool = False


def compare_windows(reference: Sequence[LiveScore], current: Sequence[LiveScore], *, least: int) -> list[Compared]:
    """Return how each measure of a window compares with the days before it."""
    before, now = in_proportion(reference), in_proportion(current)
    numbers = [_compared(name, _values(before, name), _values(now, name), least, compare_numbers) for name in _NUMBERS]
    refusals = _compared(ABSTENTION, _refusals(before), _refusals(now), least, compare_shares)
    questions = _compared(QUESTIONS, *_closeness(before, now), least, compare_numbers)
    return [questions, *numbers, refusals]


def in_proportion(scores: Iterable[LiveScore]) -> list[LiveScore]:
    """Return those that would have been chosen had every status the rate of the one that was sampled least.

    Otherwise what is rare, of which more is scored, would weigh more on one day than on another.
    """
    by_day = sorted(scores, key=_day)
    return [score for _, found in groupby(by_day, key=_day) for score in _below_least_rate(list(found))]


def _below_least_rate(scores: Sequence[LiveScore]) -> list[LiveScore]:
    rate = min(score.rate for score in scores)
    return [score for score in scores if score.draw < rate]


def _day(score: LiveScore) -> date:
    return score.asked_at.date()


Compare = Callable[..., Difference]
"""Reference and current, and the level `alpha`."""


def _compared(measure: str, reference: Floats, current: Floats, least: int, compare: Compare) -> Compared:
    counts: dict[str, Any] = {"reference_count": len(reference), "current_count": len(current)}
    if min(counts.values()) < least:
        return Compared(measure=measure, reference=None, current=None, **counts)
    found = compare(reference, current, alpha=_ALPHA)
    means: dict[str, Any] = {"reference": float(reference.mean()), "current": float(current.mean())}
    return Compared(measure=measure, **means, **counts, **asdict(found))


def _values(scores: Iterable[LiveScore], name: str) -> Floats:
    taken = (score.values.get(name) for score in scores)
    return np.array([value for value in taken if value is not None], dtype=np.float64)


def _refusals(scores: Iterable[LiveScore]) -> Floats:
    return np.array([score.status is AnswerStatus.ABSTAINED for score in scores], dtype=np.float64)


def _closeness(reference: Sequence[LiveScore], current: Sequence[LiveScore]) -> tuple[Floats, Floats]:
    """Return how near each question is to the middle of those of the reference, as a cosine.

    Vectors of another model mean something else: only those of the newest one are compared.
    """
    embedder = current[-1].embedder if current else ""
    before, now = _vectors(reference, embedder), _vectors(current, embedder)
    if not len(before) or not len(now):
        return np.zeros(len(before)), np.zeros(len(now))
    middle = before.sum(axis=0)
    dots, square = (before @ middle).astype(np.float64), float(np.square(middle.astype(np.float64)).sum())
    # Without itself: a question that helped to make the middle would be nearer to it than a new one can be. By the law
    # of cosines, since these are unit vectors: a matrix of middles would be as large as that of the questions.
    known = (dots - 1) / np.sqrt(np.maximum(square - 2 * dots + 1, _NO_LENGTH))
    return known, (now @ middle).astype(np.float64) / np.sqrt(max(square, _NO_LENGTH))


def _vectors(scores: Iterable[LiveScore], embedder: str) -> Vectors:
    rows = [np.frombuffer(score.question, "<f4") for score in scores if score.embedder == embedder]
    return np.array(rows, dtype=np.float32)
