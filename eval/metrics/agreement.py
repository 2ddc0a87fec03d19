"""How far two judges of the same cases agree, and a score with people's labels."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.scores import Score, missing
from rag_service.domain.evaluations import Figure

ONE_LABEL = "only one label occurs"
NO_SPREAD = "every score is the same"
KAPPA = "Cohen's kappa"

Agreement = Callable[[Sequence[Any], Sequence[Any]], Score]
"""From what two sides say of the same cases, in the same order, to one figure."""

_RESAMPLES = 1000
_SEED = 1960


def agreement_figure(name: str, measure: Agreement, one: Sequence[Any], other: Sequence[Any]) -> Figure:
    """Return an agreement with its 95 % percentile bootstrap interval over cases, always by the same draws."""
    score, total = measure(one, other), len(one)
    if score.value is None:
        return Figure(name=name, value=None, measured=0, total=total, missing={score.reason: total})
    draws = np.random.default_rng(_SEED).integers(0, total, (_RESAMPLES, total)).tolist()
    drawn = (measure([one[at] for at in draw], [other[at] for at in draw]).value for draw in draws)
    # A resample in which one side says a single thing has no agreement.
    values = [value for value in drawn if value is not None]
    figure = Figure(name=name, value=score.value, measured=total, total=total)
    if len(set(values)) < 2:  # noqa: PLR2004  (cases that never differ say nothing of how sure the figure is)
        return figure
    low, high = np.percentile(values, [2.5, 97.5])
    return replace(figure, low=float(low), high=float(high))


def cohen_kappa(one: Sequence[Hashable], other: Sequence[Hashable]) -> Score:
    """Return the agreement beyond chance, in [-1, 1] (Cohen 1960); missing when both say one and the same of all."""
    total = len(one)
    observed = sum(a == b for a, b in zip(one, other, strict=True))
    ours, theirs = Counter(one), Counter(other)
    by_chance = sum(count * theirs[label] for label, count in ours.items())
    if by_chance == total * total:
        return missing(ONE_LABEL)
    return Score((total * observed - by_chance) / (total * total - by_chance))


def balanced_accuracy(labels: Sequence[bool], predictions: Sequence[bool]) -> Score:
    """Return the mean of the shares of positives and of negatives that are recognised."""
    recognised = Counter(label for label, predicted in zip(labels, predictions, strict=True) if label == predicted)
    of = Counter(labels)
    if len(of) < 2:  # noqa: PLR2004  (positives and negatives)
        return missing(ONE_LABEL)
    return Score((recognised[True] / of[True] + recognised[False] / of[False]) / 2)


def auc(labels: Sequence[bool], scores: Sequence[float]) -> Score:
    """Return the chance that a positive scores higher than a negative, ties counting half (Mann and Whitney 1947)."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if not (positives and negatives):
        return missing(ONE_LABEL)
    ranks = ranks_of(scores)[np.array(labels, dtype=bool)]
    return Score((float(ranks.sum()) - positives * (positives + 1) / 2) / (positives * negatives))


def point_biserial(labels: Sequence[bool], scores: Sequence[float]) -> Score:
    """Return Pearson's correlation of a score with a label that is yes or no."""
    return _pearson(np.array(labels, dtype=np.float64), np.array(scores, dtype=np.float64))


def spearman(labels: Sequence[float], scores: Sequence[float]) -> Score:
    """Return Pearson's correlation of the ranks, ties sharing theirs."""
    return _pearson(ranks_of(labels), ranks_of(scores))


def ranks_of(values: Sequence[float]) -> NDArray[np.float64]:
    """Return ranks from 1, the lowest value first; equal values share the mean of their ranks."""
    _, places, counts = np.unique(np.array(values, dtype=np.float64), return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return means


def _pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> Score:
    if len(np.unique(one)) < 2:  # noqa: PLR2004  (nothing varies)
        return missing(ONE_LABEL)
    if len(np.unique(other)) < 2:  # noqa: PLR2004
        return missing(NO_SPREAD)
    ours, theirs = one - one.mean(), other - other.mean()
    spread = np.sqrt((ours @ ours) * (theirs @ theirs))
    # Differences too small for their squares are none.
    return Score(float(np.clip(ours @ theirs / spread, -1.0, 1.0))) if spread > 0 else missing(NO_SPREAD)
