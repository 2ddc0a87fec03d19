"""Is a window of answers like the days before it?"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.drift import category_test, has_drifted, ks_test, psi
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.live import ABSTENTION, QUESTIONS, WATCHED, LiveScore

FALSE_ALARMS = 0.01
"""How often, at most, a window in which nothing changed counts as drifted in any measure, as far as answers are independent."""

_ALPHA = FALSE_ALARMS / len(WATCHED)  # Bonferroni
_LEAST_PSI_OF_SHARES = 0.05
"""Two bins give a lower index than ten: abstentions that double from one in ten to one in five come to 0.08."""

_NUMBERS = tuple(name for name in WATCHED if name not in {QUESTIONS, ABSTENTION})

Floats = NDArray[np.float64]


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
    numbers = [_compared(name, _values(before, name), _values(now, name), least, _numbers_differ) for name in _NUMBERS]
    refusals = _compared(ABSTENTION, _refusals(before), _refusals(now), least, _shares_differ)
    questions = _compared(QUESTIONS, *_closeness(before, now), least, _numbers_differ)
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


Differ = Callable[[Floats, Floats], tuple[float, float, bool]]
"""Reference and current to index, p-value and verdict."""


def _compared(measure: str, reference: Floats, current: Floats, least: int, differ: Differ) -> Compared:
    counts: dict[str, Any] = {"reference_count": len(reference), "current_count": len(current)}
    if min(counts.values()) < least:
        return Compared(measure=measure, reference=None, current=None, **counts)
    index, p_value, drifted = differ(reference, current)
    means: dict[str, Any] = {"reference": float(reference.mean()), "current": float(current.mean())}
    return Compared(measure=measure, **means, **counts, psi=index, p_value=p_value, has_drifted=drifted)


def _numbers_differ(reference: Floats, current: Floats) -> tuple[float, float, bool]:
    before, now = reference.tolist(), current.tolist()
    return psi(before, now), ks_test(before, now).p_value, has_drifted(before, now, alpha=_ALPHA)


def _shares_differ(reference: Floats, current: Floats) -> tuple[float, float, bool]:
    found = category_test(reference.tolist(), current.tolist())
    return found.psi, found.p_value, found.p_value < _ALPHA and found.psi >= _LEAST_PSI_OF_SHARES


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
    # Without itself: a question that helped to make the middle would be nearer to it than a new one can be.
    return _cosines(before, middle - before), _cosines(now, middle[None, :])


def _vectors(scores: Iterable[LiveScore], embedder: str) -> Floats:
    rows = [np.frombuffer(score.question, "<f4") for score in scores if score.embedder == embedder]
    return np.array(rows, dtype=np.float64)


def _cosines(vectors: Floats, others: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(others, axis=1)
    cosines: Floats = (vectors * others).sum(axis=1) / np.maximum(lengths, np.finfo(np.float64).tiny)
    return cosines
