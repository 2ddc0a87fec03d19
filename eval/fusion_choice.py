"""Which weight of the dense side is right for a corpus, told from its questions. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag_service.domain.significance import LEVEL
from rag_service.use_cases.paired_differences import PairedDifferences

FOLDS = 5

_SEED = 20_260_101  # the same questions always fall into the same folds

Scores = Mapping[float, Sequence[float]]
"""By weight: the score of each question, higher is better, in the same order for every weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionChoice:
    """What the weights came to over `questions` questions.

    `means` has the mean of each weight, `best` the weight with the highest. `held_out` is the mean over questions that took
    no part in the choice of the weight they were scored with; `p_value` says how easily chance alone makes such a
    difference from the mean of `default`.
    """

    default: float
    questions: int
    means: Mapping[float, float]
    best: float
    held_out: float
    p_value: float

    @property
    def learned(self) -> float | None:
        """The weight that the corpus should have of its own; None: it is no better off than with the default."""
        is_better = self.held_out > self.means[self.default] and self.p_value < LEVEL
        return self.best if is_better and self.best != self.default else None


def choose_weight(scores: Scores, *, default: float) -> FusionChoice:
    """Return what the weights come to; `default` is one of them, and each has at least as many questions as FOLDS."""
    usual = scores[default]
    held_out = [0.0] * len(usual)
    for fold in _folds(len(usual)):
        left_out = set(fold)
        weight = _best(scores, [place for place in range(len(usual)) if place not in left_out], default)
        for place in fold:
            held_out[place] = scores[weight][place]
    gains = [own - other for own, other in zip(held_out, usual, strict=True)]
    return FusionChoice(
        default=default,
        questions=len(usual),
        means={weight: _mean(each) for weight, each in sorted(scores.items())},
        best=_best(scores, range(len(usual)), default),
        held_out=_mean(held_out),
        p_value=PairedDifferences()(gains).p_value,
    )


def _folds(questions: int) -> Iterator[list[int]]:
    shuffled = np.random.default_rng(_SEED).permutation(questions).tolist()
    for first in range(FOLDS):
        yield shuffled[first::FOLDS]


def _best(scores: Scores, places: Sequence[int], default: float) -> float:
    """Return the weight with the highest mean over some questions; of equal ones the nearest to the default."""
    means = {weight: _mean([each[place] for place in places]) for weight, each in scores.items()}
    return max(means, key=lambda weight: (means[weight], -abs(weight - default), weight))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
