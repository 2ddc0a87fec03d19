"""Drift: laws, another implementation, and how soon a planted drift is seen and how often none is seen as one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.drift import FEWEST, compare_numbers, compare_shares, ks_test, psi

samples = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)
WINDOW = 200


@given(samples, samples)
def test_the_index_is_never_negative_and_finite(reference: list[float], current: list[float]) -> None:
    assert -1e-12 <= psi(reference, current) < np.inf


@given(samples)
def test_a_sample_has_not_drifted_from_itself(sample: list[float]) -> None:
    assert psi(sample, sample) == pytest.approx(0.0, abs=1e-12)
    assert ks_test(sample, sample).p_value == 1.0


@given(samples, samples, st.randoms(use_true_random=False))
def test_the_order_of_values_moves_nothing(reference, current, random) -> None:
    shuffled = random.sample(current, len(current))

    assert psi(reference, shuffled) == psi(reference, current)
    assert ks_test(reference, shuffled) == ks_test(reference, current)


def test_the_index_is_the_sum_over_quantiles_of_the_reference() -> None:
    reference, current = [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 4.0]

    # Two bins, up to the median of 2.5 and above; half a value is added to each.
    before, after = np.array([2.5, 2.5]) / 5, np.array([3.5, 1.5]) / 5

    assert psi(reference, current, bins=2) == pytest.approx(float(((after - before) * np.log(after / before)).sum()))


def test_a_reference_of_one_value_still_tells_a_rise() -> None:
    assert psi([0.0] * 100, [1.0] * 100) > 1


def test_a_fall_of_what_nearly_always_is_one_is_seen() -> None:
    assert psi([1.0] * 99 + [0.5], [0.9] * 100) > 1


@given(samples, samples)
def test_the_distance_is_the_greatest_difference_of_the_shares_up_to_any_value(reference, current) -> None:
    known, seen = np.array(reference), np.array(current)

    expected = max(abs((known <= value).mean() - (seen <= value).mean()) for value in [*reference, *current])

    assert ks_test(reference, current).statistic == pytest.approx(expected)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2, 0.3])
def test_the_p_value_is_near_the_exact_one(shift: float) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    rng = np.random.default_rng(3)
    reference, current = rng.normal(size=150), rng.normal(shift, size=150)

    exact = stats.ks_2samp(reference, current, method="exact").pvalue

    assert ks_test(reference, current).p_value == pytest.approx(exact, rel=0.15)


@given(samples, st.floats(1, 100))
def test_a_greater_shift_never_raises_the_p_value(sample: list[float], shift: float) -> None:
    moved = [[value + times * shift for value in sample] for times in (0, 1, 1e5)]
    tests = [ks_test(sample, values).p_value for values in moved]

    assert tests[0] >= tests[1] >= tests[2]


@pytest.mark.parametrize("sample", [[], [float("nan")], [float("inf")]])
def test_nothing_and_no_numbers_are_no_sample(sample: list[float]) -> None:
    with pytest.raises(ValueError, match="a sample"):
        psi(sample, [1.0])


def test_too_few_values_never_drift() -> None:
    assert not compare_numbers([0.0] * (FEWEST - 1), [9.0] * 1000, alpha=0.05).has_drifted
    assert not compare_shares([0.0] * (FEWEST - 1), [1.0] * 1000, alpha=0.05).has_drifted


def false_alarms(*, alpha: float, runs: int) -> float:
    rng = np.random.default_rng(11)
    drawn = [compare_numbers(rng.beta(8, 2, 1000), rng.beta(8, 2, WINDOW), alpha=alpha) for _ in range(runs)]
    return sum(one.has_drifted for one in drawn) / runs


def delay(shift: float) -> int:
    """Return after how many answers of a support that fell by `shift` a sliding window is seen to have drifted."""
    rng = np.random.default_rng(12)
    reference, before = rng.beta(8, 2, 1000), rng.beta(8, 2, WINDOW)
    stream = np.concatenate([before, np.clip(rng.beta(8, 2, 600) - shift, 0, 1)])
    windows = ((new, stream[new : new + WINDOW]) for new in range(10, 601, 10))
    return next((new for new, seen in windows if compare_numbers(reference, seen, alpha=0.01).has_drifted), 10**9)


def test_one_in_a_hundred_windows_at_most_is_a_false_alarm() -> None:
    assert false_alarms(alpha=0.01, runs=2000) <= 0.01


@pytest.mark.parametrize(("shift", "answers"), [(0.05, 200), (0.1, 100), (0.2, 60)])
def test_a_fall_of_the_support_is_seen_before_the_window_has_turned_over(shift: float, answers: int) -> None:
    assert delay(shift) <= answers


answers = st.lists(st.booleans(), min_size=1, max_size=60)


@given(answers, answers)
def test_whether_yes_or_no_is_counted_moves_nothing(reference: list[bool], current: list[bool]) -> None:
    inverted = compare_shares([not one for one in reference], [not one for one in current], alpha=0.01)

    assert inverted.psi == pytest.approx(compare_shares(reference, current, alpha=0.01).psi)


@given(answers)
def test_a_share_has_not_drifted_from_itself(sample: list[bool]) -> None:
    found = compare_shares(sample, sample, alpha=0.01)

    assert (found.psi, found.p_value, found.has_drifted) == (0.0, 1.0, False)


def test_the_p_value_of_shares_is_that_of_the_chi_squared_distribution() -> None:
    found = compare_shares([1.0] * 50 + [0.0] * 50, [1.0] * 64 + [0.0] * 36, alpha=0.01)

    # (1/100 + 1/100) times 3.95: the table says 0.05 for 3.84 and 0.04 for 4.22.
    assert found.psi / 0.02 == pytest.approx(3.94, abs=0.05)
    assert 0.04 < found.p_value < 0.05


def test_shares_that_did_not_change_seldom_differ() -> None:
    rng = np.random.default_rng(17)
    found = [compare_shares(rng.random(2800) < 0.15, rng.random(200) < 0.15, alpha=0.01).p_value for _ in range(2000)]

    assert sum(p_value < 0.01 for p_value in found) / len(found) == pytest.approx(0.01, abs=0.008)
