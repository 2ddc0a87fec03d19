"""What a judge says of a draft. It may be moody: only what it finds each time it is asked is a finding."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from eval.metrics.ragas import Judge
from rag_service.domain.changed_questions import lower_is_better
from rag_service.domain.evaluations import CaseResult
from rag_service.domain.metric_names import of_ragas
from rag_service.domain.significance import LEVEL, holm
from rag_service.use_cases.paired_differences import PairedDifferences

NO_SCORES = "The judge gave no score of both versions, so it says nothing of the draft."

_ALMOST = 1 - 1e-9

AskJudged = Callable[[int, Judge], Awaitable[Sequence[CaseResult]]]
"""Asks the questions of the version of this number, and has the answers judged."""

Losses = Mapping[str, Mapping[str, float]]
"""Of each metric, how much worse each question is that has a score in both versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The questions that the judge finds worse, none unless it found their metric worse each time; and that in words."""

    case_ids: frozenset[str] = frozenset()
    reason: str | None = None


async def judge_draft(ask: AskJudged, judge: Judge, *, against: int, number: int, times: int) -> Finding:
    """Have the judge compare two versions up to so many times, each with a seed of its own.

    A metric that is not worse by more than chance in one of them (a paired test over the questions, by Holm's method over
    the metrics) is dropped, and with the last one nothing more is asked.
    """
    rounds: list[Losses] = []
    worse = list(map(of_ragas, judge.metrics))
    for turn in range(times):
        pinned = replace(judge, seed=judge.seed + turn)
        before, after = await ask(against, pinned), await ask(number, pinned)
        rounds.append({name: _losses(name, before, after) for name in worse})
        # Thousands of resamples of each metric: whoever shares the loop renews a lease meanwhile.
        worse = await asyncio.to_thread(_worse, rounds[-1])
        if not worse:
            return Finding(reason=None if any(rounds[-1].values()) else NO_SCORES)
    blamed = [_most_fallen([one[name] for one in rounds]) for name in worse]
    return Finding(case_ids=frozenset[str]().union(*blamed), reason=_in_words(worse, rounds))


def _losses(name: str, before: Sequence[CaseResult], after: Sequence[CaseResult]) -> dict[str, float]:
    sign = 1 if lower_is_better(name) else -1
    old = {one.case_id: one.scores.get(name) for one in before}
    both = ((one.case_id, old.get(one.case_id), one.scores.get(name)) for one in after)
    return {case_id: sign * (now - was) for case_id, was, now in both if was is not None and now is not None}


def _worse(losses: Losses) -> list[str]:
    measure = PairedDifferences()
    tested = [name for name, found in losses.items() if len(found) > 1]
    p_values = holm([measure(list(losses[name].values())).p_value for name in tested])
    return [
        name
        for name, p_value in zip(tested, p_values, strict=True)
        if p_value < LEVEL and fmean(losses[name].values()) > 0
    ]


def _most_fallen(rounds: Sequence[Mapping[str, float]]) -> set[str]:
    """Return the questions that lost at least what is usual, all rounds together: the others may be worse by chance."""
    case_ids = {case_id for losses in rounds for case_id in losses}
    means = {case_id: fmean(one[case_id] for one in rounds if case_id in one) for case_id in case_ids}
    usual = fmean(means.values())
    # Equal losses may differ from their mean in the last bit.
    return {case_id for case_id, loss in means.items() if loss >= usual * _ALMOST}


def _in_words(worse: Collection[str], rounds: Sequence[Losses]) -> str:
    told = ", ".join(
        f"{name} by {fmean(fmean(one[name].values()) for one in rounds):.2f} over {len(rounds[0][name])} questions"
        for name in worse
    )
    times = "once" if len(rounds) == 1 else f"{len(rounds)} times"
    return f"The judge, asked {times}, found the draft worse each time: {told}."
