"""Calls of a search to its parts: how long they may take, and when they are spared."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rag_service.errors import EmbedderUnavailable, IndexUnavailable, InvalidRequest
from rag_service.use_cases.searching.breaker import BreakerRules
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.encode_query import normalised
from rag_service.use_cases.searching.guard import Guard

RULES = BreakerRules(failures=2, window_s=10, pause_s=2)


class Part:
    """Counts its calls, and answers with what it is told to."""

    def __init__(self, outcome: Exception | None = None) -> None:
        self.outcome = outcome
        self.calls = 0

    async def __call__(self) -> int:
        self.calls += 1
        if self.outcome:
            raise self.outcome
        return self.calls


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def guard(now: list[float]) -> Guard:
    return Guard("index", IndexUnavailable, rules=RULES, clock=lambda: now[0])


async def refused(guard: Guard, call: Callable[[], Awaitable[object]], *, times: int) -> None:
    for _ in range(times):
        with pytest.raises(IndexUnavailable):
            await guard(call, within_s=1)


async def test_a_part_that_takes_too_long_is_unavailable(guard: Guard) -> None:
    with pytest.raises(IndexUnavailable, match="in time"):
        await guard(asyncio.Event().wait, within_s=0.01)


async def test_a_part_that_failed_enough_is_not_called(guard: Guard) -> None:
    part = Part(IndexUnavailable("away"))

    await refused(guard, part, times=5)

    assert part.calls == RULES.failures


async def test_a_part_that_is_back_is_called_again(guard: Guard, now: list[float]) -> None:
    part = Part(IndexUnavailable("away"))
    await refused(guard, part, times=2)
    part.outcome, now[0] = None, RULES.pause_s

    assert [await guard(part, within_s=1) for _ in range(2)] == [3, 4]


async def test_a_request_that_is_wrong_says_nothing_of_the_part(guard: Guard) -> None:
    for _ in range(5):
        with pytest.raises(InvalidRequest):
            await guard(Part(InvalidRequest("no")), within_s=1)

    assert await guard(Part(), within_s=1) == 1


async def test_an_error_of_the_part_keeps_its_kind(guard: Guard) -> None:
    with pytest.raises(EmbedderUnavailable):
        await guard(Part(EmbedderUnavailable("away")), within_s=None)


def test_each_part_may_take_half_of_what_is_left_and_a_quarter_in_any_case() -> None:
    now = [0.0]
    deadline = Deadline(1.0, clock=lambda: now[0])

    shares = []
    for at in (0.0, 0.25, 0.5, 0.9, 7.0):
        now[0] = at
        shares.append(deadline.share_s())

    assert shares == [0.5, 0.375, 0.25, 0.25, 0.25]


def test_without_a_deadline_no_part_has_an_end() -> None:
    assert (Deadline(0).is_set, Deadline(0).share_s()) == (False, None)


@pytest.mark.parametrize("query", ["Où  est\tl'été ?", " Ou\u0300 est l'e\u0301te\u0301\u00a0?\n"])
def test_questions_that_look_the_same_are_one(query: str) -> None:
    assert normalised(query) == "Où est l'été ?"


def test_case_and_marks_of_a_question_stay() -> None:
    assert normalised("What is IT?") == "What is IT?"
