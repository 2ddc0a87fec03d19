"""A part that does not answer is left alone for a while."""

import pytest

from rag_service.use_cases.searching.breaker import Breaker, BreakerRules, BreakerState

RULES = BreakerRules(failures=3, window_s=10, pause_s=2)


def broken(at: float = 0.0) -> Breaker:
    breaker = Breaker(RULES)
    for _ in range(RULES.failures):
        breaker.failed(at)
    return breaker


def test_calls_go_through_until_enough_of_them_failed() -> None:
    breaker = Breaker(RULES)
    breaker.failed(0)
    breaker.failed(0)
    assert breaker.admits(0)

    breaker.failed(0)

    assert not breaker.admits(0) and breaker.state is BreakerState.OPEN


def test_failures_that_lie_far_apart_open_nothing() -> None:
    breaker = Breaker(RULES)

    for at in range(0, 100, 5):
        breaker.failed(at)

    assert breaker.admits(100)


def test_a_part_that_fails_less_than_half_of_the_time_stays_in_use() -> None:
    breaker = Breaker(RULES)

    for _ in range(10):
        breaker.succeeded(0)
        breaker.succeeded(0)
        breaker.failed(0)

    assert breaker.state is BreakerState.CLOSED


def test_after_the_pause_one_call_is_let_through() -> None:
    breaker = broken()

    assert [breaker.admits(at) for at in (0, 1.9, 2, 2, 3.9)] == [False, False, True, False, False]
    assert breaker.state is BreakerState.HALF_OPEN


def test_a_call_that_succeeds_lets_all_through_again() -> None:
    breaker = broken()
    breaker.admits(2)

    breaker.succeeded(2.5)

    assert breaker.admits(2.5) and breaker.state is BreakerState.CLOSED


def test_what_failed_before_the_part_was_back_is_forgotten() -> None:
    breaker = broken()
    breaker.admits(2)
    breaker.succeeded(2)

    breaker.failed(2)
    breaker.failed(2)

    assert breaker.admits(2)


def test_a_call_that_fails_opens_it_for_another_pause() -> None:
    breaker = broken()
    breaker.admits(2)

    breaker.failed(3)

    assert [breaker.admits(at) for at in (4.9, 5)] == [False, True]


def test_a_call_of_which_nothing_is_heard_is_followed_by_another() -> None:
    breaker = broken()

    assert [breaker.admits(at) for at in (2, 3, 4)] == [True, False, True]


@pytest.mark.parametrize("late_by", [0.0, 1.0])
def test_calls_that_were_out_when_it_opened_prolong_nothing_for_ever(late_by: float) -> None:
    breaker = broken()

    breaker.failed(late_by)

    assert breaker.admits(late_by + RULES.pause_s)
