"""Which weight a corpus gets: only one that is better than the default by more than chance."""

import numpy as np
import pytest

from eval.fusion_choice import FusionChoice, Scores, choose_weight
from eval.fusion_learning import weights_with

DEFAULT = 0.78
WEIGHTS = weights_with(DEFAULT)


def planted(*, best: float, questions: int = 60) -> Scores:
    """Return scores that fall with the distance from the best weight, with noise of each question."""
    noise = np.random.default_rng(7).normal(0, 0.1, (len(WEIGHTS), questions))
    return {weight: (0.9 - abs(weight - best) + row).tolist() for weight, row in zip(WEIGHTS, noise, strict=True)}


def chance(seed: int, questions: int = 60) -> FusionChoice:
    noise = np.random.default_rng(seed).random((len(WEIGHTS), questions))
    return choose_weight(dict(zip(WEIGHTS, noise.tolist(), strict=True)), default=DEFAULT)


def test_the_weights_tried_are_tenths_and_the_default() -> None:
    assert weights_with(0.78) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.78, 0.8, 0.9, 1.0]
    assert len(weights_with(0.5)) == 11


def test_where_words_decide_a_low_weight_is_learned() -> None:
    choice = choose_weight(planted(best=0.1), default=DEFAULT)

    assert (choice.learned, choice.questions) == (0.1, 60)
    assert choice.held_out > choice.means[DEFAULT] and choice.p_value < 0.01


def test_where_the_default_is_best_nothing_is_learned() -> None:
    assert choose_weight(planted(best=DEFAULT), default=DEFAULT).learned is None


def test_weights_that_differ_by_chance_leave_the_default() -> None:
    learned = [chance(seed).learned for seed in range(100)]

    assert sum(weight is not None for weight in learned) <= 10


def test_the_best_of_many_weights_does_not_flatter_itself() -> None:
    choice = chance(1)

    assert choice.held_out < choice.means[choice.best]


def test_of_equal_weights_the_nearest_to_the_default_is_best() -> None:
    choice = choose_weight({weight: [0.5] * 30 for weight in WEIGHTS}, default=DEFAULT)

    assert (choice.best, choice.learned, choice.p_value) == (DEFAULT, None, 1.0)


@pytest.mark.parametrize("questions", [30, 33])
def test_the_same_scores_give_the_same_choice(questions: int) -> None:
    scores = planted(best=0.3, questions=questions)

    assert choose_weight(scores, default=DEFAULT) == choose_weight(scores, default=DEFAULT)
