"""When a judge's scores of two versions are a finding."""

import random

import pytest

from eval.judged_gate import NO_SCORES, Finding, judge_draft
from eval.metrics.ragas import Judge
from rag_service.domain.evaluations import CaseResult
from rag_service.domain.metric_names import NOISE_SENSITIVITY
from tests.evaluation_values import result

BEFORE, AFTER = 1, 2


class Scores:
    """What a judge says of each version, round by round; it remembers the seeds that it was asked with."""

    def __init__(self, *rounds: tuple[list[float | None], list[float | None]], name: str = "faithfulness") -> None:
        self._rounds = rounds
        self._name = name
        self.seeds: list[int] = []

    async def __call__(self, number: int, judge: Judge) -> list[CaseResult]:
        scores = self._rounds[len(self.seeds) // 2][number == AFTER]
        self.seeds.append(judge.seed)
        return [result(f"q{at}", **{f"ragas: {self._name}": score}) for at, score in enumerate(scores)]

    async def finding(self) -> Finding:
        judge = Judge(base_url="http://127.0.0.1:9/v1", model="m", seed=5, metrics=(self._name,))
        return await judge_draft(self, judge, against=BEFORE, number=AFTER, times=len(self._rounds))


GOOD, BAD = [1.0] * 10, [0.0] * 8 + [1.0] * 2


async def test_what_is_worse_each_time_is_found_with_the_questions_that_fell_most() -> None:
    scores = Scores((GOOD, BAD), (GOOD, BAD), (GOOD, BAD))

    found = await scores.finding()

    assert found.case_ids == {f"q{at}" for at in range(8)}
    assert found.reason == (
        "The judge, asked 3 times, found the draft worse each time: ragas: faithfulness by 0.80 over 10 questions."
    )
    assert scores.seeds == [5, 5, 6, 6, 7, 7]


async def test_what_is_worse_only_sometimes_is_not_found_and_nothing_more_is_asked() -> None:
    scores = Scores((GOOD, BAD), (GOOD, GOOD), (GOOD, BAD))

    assert await scores.finding() == Finding()
    assert scores.seeds == [5, 5, 6, 6]


async def test_a_judge_that_is_gone_when_asked_again_says_nothing_and_that_is_told() -> None:
    assert await Scores((GOOD, BAD), ([None] * 10, BAD)).finding() == Finding(reason=NO_SCORES)


async def test_of_equal_losses_every_question_is_named() -> None:
    found = await Scores(([0.3] * 7, [0.2] * 7)).finding()

    assert found.case_ids == {f"q{at}" for at in range(7)}


async def test_chance_finds_something_once_now_and_then_and_never_three_times() -> None:
    draws = random.Random(11)  # noqa: S311  (no secret)

    def drawn() -> list[float | None]:
        return [draws.random() for _ in range(40)]

    once = [await Scores((drawn(), drawn())).finding() for _ in range(150)]
    thrice = [await Scores(*((drawn(), drawn()) for _ in range(3))).finding() for _ in range(150)]

    assert any(found.case_ids for found in once)
    assert not any(found.case_ids for found in thrice)


async def test_better_is_not_worse() -> None:
    assert await Scores((BAD, GOOD)).finding() == Finding()


async def test_of_noise_more_is_worse() -> None:
    assert (await Scores((BAD, GOOD), name=NOISE_SENSITIVITY).finding()).case_ids


async def test_a_handful_of_questions_is_not_enough() -> None:
    assert await Scores(([1.0] * 5, [0.0] * 5)).finding() == Finding()


@pytest.mark.parametrize("silent", [([None] * 9, GOOD), (GOOD, [None] * 9)])
async def test_a_judge_without_scores_of_both_versions_finds_nothing_and_that_is_said(silent) -> None:
    assert await Scores(silent).finding() == Finding(reason=NO_SCORES)
