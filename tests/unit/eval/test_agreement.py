"""Agreement with people: hand-computed values, laws, and other people's implementations."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eval.metrics.agreement import (
    NO_SPREAD,
    ONE_LABEL,
    agreement_figure,
    auc,
    balanced_accuracy,
    cohen_kappa,
    point_biserial,
    spearman,
)
from eval.metrics.scores import Score

pairs = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2)
ratings = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40)
MEASURES = [auc, point_biserial, spearman]


def test_kappa_is_the_agreement_beyond_chance() -> None:
    ours, theirs = "yyyyyynnnn", "yyyynnnnny"

    # 7 of 10 agree; by chance 0.6 × 0.5 + 0.4 × 0.5 would.
    assert cohen_kappa(ours, theirs).value == pytest.approx((0.7 - 0.5) / (1 - 0.5))


def test_two_who_only_ever_say_the_same_thing_have_no_kappa() -> None:
    assert cohen_kappa("yyy", "yyy") == Score(None, ONE_LABEL)


@given(ratings)
def test_kappa_is_that_of_scikit_learn(rated) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    one, other = zip(*rated, strict=True)
    assume(len({*one, *other}) > 1)

    assert cohen_kappa(one, other).value == pytest.approx(metrics.cohen_kappa_score(one, other))


@given(ratings)
def test_kappa_does_not_depend_on_who_is_who_and_is_one_with_oneself(rated) -> None:
    one, other = zip(*rated, strict=True)
    assume(len(set(one)) > 1)

    assert cohen_kappa(one, other) == cohen_kappa(other, one)
    assert cohen_kappa(one, one) == Score(1.0)


def test_the_interval_of_kappa_holds_it_and_narrows_with_more_cases() -> None:
    ours, theirs = "yyyyyynnnn", "yyyynnnnny"

    few = agreement_figure("k", cohen_kappa, ours * 3, theirs * 3)
    many = agreement_figure("k", cohen_kappa, ours * 30, theirs * 30)

    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert few == agreement_figure("k", cohen_kappa, ours * 3, theirs * 3)


def test_balanced_accuracy_weighs_both_kinds_the_same() -> None:
    labels = [True] * 8 + [False] * 2
    predictions = [True] * 8 + [True, False]

    assert balanced_accuracy(labels, predictions) == Score(0.75)


def test_auc_is_the_chance_that_a_positive_scores_higher() -> None:
    assert auc([True, True, False, False], [0.9, 0.4, 0.4, 0.1]) == Score(3.5 / 4)


@given(pairs)
def test_auc_is_that_of_scikit_learn(taken) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    labels, scores = zip(*taken, strict=True)
    assume(len(set(labels)) == 2)

    assert auc(labels, scores).value == pytest.approx(metrics.roc_auc_score(labels, scores))


@given(pairs)
def test_correlations_are_those_of_scipy(taken) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    labels, scores = zip(*taken, strict=True)
    assume(len(set(labels)) == 2 and len(set(scores)) > 1)

    assert point_biserial(labels, scores).value == pytest.approx(stats.pointbiserialr(labels, scores).statistic)
    assert spearman(labels, scores).value == pytest.approx(stats.spearmanr(labels, scores).statistic)


@given(pairs)
def test_stretching_the_scores_moves_no_measure_of_ranks(taken) -> None:
    labels, scores = zip(*taken, strict=True)
    stretched = [3.0 * score**3 + 1 for score in scores]

    assert auc(labels, stretched) == auc(labels, scores)
    assert spearman(labels, stretched) == spearman(labels, scores)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_cases_moves_nothing(taken, random) -> None:
    shuffled = random.sample(taken, len(taken))

    for measure in MEASURES:
        one, other = measure(*zip(*taken, strict=True)), measure(*zip(*shuffled, strict=True))
        assert (one.reason, one.value) == (other.reason, pytest.approx(other.value))


@pytest.mark.parametrize("measure", [*MEASURES, balanced_accuracy])
def test_one_label_alone_cannot_be_agreed_with(measure) -> None:
    assert measure([True, True], [True, False]) == Score(None, ONE_LABEL)


@pytest.mark.parametrize("measure", [point_biserial, spearman])
def test_a_score_that_never_varies_correlates_with_nothing(measure) -> None:
    assert measure([True, False], [0.5, 0.5]) == Score(None, NO_SPREAD)
