"""Two runs over the same questions, question by question: `before` is what `after` is measured against. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from rag_service.domain.causes import possible_causes
from rag_service.domain.changed_questions import (
    OUTCOMES,
    ChangedQuestion,
    Pair,
    Turn,
    changed_questions,
    is_spent,
    lower_is_better,
)
from rag_service.domain.differences import VersionDiff
from rag_service.domain.evaluations import CaseResult, EvalRun, EvalRunState
from rag_service.domain.metric_names import COST, CURRENCY, RAGAS_PREFIX
from rag_service.domain.significance import LEVEL, holm, mcnemar
from rag_service.domain.trends import SettingChange, changes_between


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Bounds of a mean difference (95 %, by bootstrap), and the p-value that it is zero."""

    low: float
    high: float
    p_value: float


Measure = Callable[[Sequence[float]], Spread]
"""Says how sure the mean of paired differences is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChange:
    """The means of one metric over the `pairs` of questions that have it in both runs.

    `p_value` allows for all that is compared. `turn` is None unless the difference is significant. What an answer takes
    (`is_spent`: time, tokens, money) makes no run worse.
    """

    name: str
    pairs: int
    before: float
    after: float
    spread: Spread | None
    p_value: float | None = None
    is_spent: bool
    turn: Turn | None = None

    @property
    def difference(self) -> float:
        """How much more it is."""
        return self.after - self.before

    @property
    def is_same(self) -> bool:
        """Whether each question has the same value in both runs, as far as is known."""
        return not self.difference and (self.spread is None or self.spread.low == self.spread.high == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeChange:
    """A yes or no of each of `pairs` questions. `p_value` allows for all that is compared."""

    name: str
    pairs: int
    before: int
    after: int
    lost: int
    won: int
    p_value: float
    turn: Turn | None = None

    @property
    def is_same(self) -> bool:
        """Whether no question lost or won it."""
        return not (self.lost or self.won)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that was made otherwise, and how many of the questions that are worse it may be why of."""

    change: SettingChange
    worse: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two runs differ, over the questions that both asked in the same words.

    `left_out` counts the others by reason. `documents` is None when the versions are the same or cannot be compared.
    """

    before: EvalRun
    after: EvalRun
    common: int
    left_out: Mapping[str, int]
    metrics: tuple[MetricChange, ...]
    outcomes: tuple[OutcomeChange, ...]
    questions: tuple[ChangedQuestion, ...]
    settings: tuple[SettingChange, ...]
    documents: VersionDiff | None
    notes: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """Say whether something got worse by more than chance, what answers take aside."""
        turns = [metric.turn for metric in self.metrics if not metric.is_spent]
        return Turn.WORSE in (*turns, *(outcome.turn for outcome in self.outcomes))

    @property
    def worse_questions(self) -> tuple[ChangedQuestion, ...]:
        """Those that got worse."""
        return tuple(question for question in self.questions if question.turn is Turn.WORSE)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What was made otherwise and may be why questions are worse, what may be why of most first."""
        counts = Counter(name for question in self.worse_questions for name in question.causes)
        found = [Cause(change=one, worse=counts[one.name]) for one in self.settings if counts[one.name]]
        return tuple(sorted(found, key=lambda cause: -cause.worse))

    @property
    def unexplained(self) -> int:
        """How many questions are worse though nothing that is known of the runs can be why: by chance, perhaps."""
        return sum(not question.causes for question in self.worse_questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A run with its results."""

    run: EvalRun
    results: Sequence[CaseResult]


def compare(before: Measured, after: Measured, *, measure: Measure, documents: VersionDiff | None = None) -> Comparison:
    """Return how `after` differs from `before`."""
    asked_twice, left_out = _paired(before.results, after.results)
    pairs = _comparable(asked_twice, before.run, after.run)
    settings, changed = changes_between(before.run, after.run), _keys_of(documents)
    causes = possible_causes(settings, same_documents=documents is not None and not changed)
    metrics, outcomes = _with_turns(
        [_metric(name, pairs, measure) for name in _names(pairs)],
        [one for name, holds in OUTCOMES.items() if (one := _outcome(name, pairs, holds)).pairs],
    )
    return Comparison(
        before=before.run,
        after=after.run,
        common=len(pairs),
        left_out=left_out,
        metrics=metrics,
        outcomes=outcomes,
        questions=changed_questions(pairs, changed, causes),
        settings=settings,
        documents=documents,
        notes=_notes(before.run, after.run),
    )


def _paired(before: Sequence[CaseResult], after: Sequence[CaseResult]) -> tuple[list[Pair], dict[str, int]]:
    old, new = {one.case_id: one for one in before}, {one.case_id: one for one in after}
    both = [(old[case_id], new[case_id]) for case_id in sorted(old.keys() & new.keys())]
    pairs = [(one, other) for one, other in both if asked(one.evidence) == asked(other.evidence)]
    counts = {
        "asked in the first run only": len(old.keys() - new.keys()),
        "asked in the second run only": len(new.keys() - old.keys()),
        "edited between the runs": len(both) - len(pairs),
    }
    return pairs, {reason: count for reason, count in counts.items() if count}


def asked(evidence: Mapping[str, Any]) -> list[Any]:
    """Return what was asked and expected: a question may have been edited between two runs."""
    return [evidence[name] for name in ("question", "conversation", "answerable", "expected", "gold")]


def _comparable(pairs: Sequence[Pair], before: EvalRun, after: EvalRun) -> list[Pair]:
    """Return the pairs with those scores alone that mean the same in both runs."""

    def of(result: CaseResult) -> CaseResult:
        scores = {name: value for name, value in result.scores.items() if _means_the_same(name, before, after)}
        return replace(result, scores=scores)

    return [(of(one), of(other)) for one, other in pairs]


def _names(pairs: Sequence[Pair]) -> list[str]:
    names = dict.fromkeys(name for pair in pairs for result in pair for name in result.scores)
    return [name for name in names if any(_scores(name, pairs))]


def _means_the_same(name: str, before: EvalRun, after: EvalRun) -> bool:
    if name == COST:
        return _same_currency(before, after)
    return before.judge == after.judge or not name.startswith(RAGAS_PREFIX)


def _same_currency(before: EvalRun, after: EvalRun) -> bool:
    return len({run.made_with[CURRENCY] for run in (before, after) if CURRENCY in run.made_with}) <= 1


def _scores(name: str, pairs: Iterable[Pair]) -> list[tuple[float, float]]:
    found = ((one.scores.get(name), other.scores.get(name)) for one, other in pairs)
    return [(old, new) for old, new in found if old is not None and new is not None]


def _metric(name: str, pairs: Sequence[Pair], measure: Measure) -> MetricChange:
    scores = _scores(name, pairs)
    differences = [new - old for old, new in scores]
    spread = measure(differences) if len(differences) > 1 else None
    return MetricChange(
        name=name,
        pairs=len(scores),
        before=fmean(old for old, _ in scores),
        after=fmean(new for _, new in scores),
        spread=spread,
        p_value=None if spread is None else spread.p_value,
        is_spent=is_spent(name),
    )


def _outcome(name: str, pairs: Sequence[Pair], holds: Callable[[Mapping[str, Any]], bool | None]) -> OutcomeChange:
    found = [(holds(one.evidence), holds(other.evidence)) for one, other in pairs]
    known = [(old, new) for old, new in found if old is not None and new is not None]
    lost, won = known.count((True, False)), known.count((False, True))
    return OutcomeChange(
        name=name,
        pairs=len(known),
        before=sum(old for old, _ in known),
        after=sum(new for _, new in known),
        lost=lost,
        won=won,
        p_value=mcnemar(lost, won),
    )


def _with_turns(
    metrics: Sequence[MetricChange], outcomes: Sequence[OutcomeChange]
) -> tuple[tuple[MetricChange, ...], tuple[OutcomeChange, ...]]:
    """Allow for how much is looked at: of twenty figures one differs by chance."""
    of_all = (*(one.p_value for one in metrics), *(one.p_value for one in outcomes))
    p_values = holm([1.0 if p_value is None else p_value for p_value in of_all])
    of_metrics, of_outcomes = p_values[: len(metrics)], p_values[len(metrics) :]
    return (
        tuple(_metric_with_turn(one, p_value) for one, p_value in zip(metrics, of_metrics, strict=True)),
        tuple(
            replace(one, p_value=p_value, turn=_turn(one.won - one.lost, p_value))
            for one, p_value in zip(outcomes, of_outcomes, strict=True)
        ),
    )


def _metric_with_turn(one: MetricChange, p_value: float) -> MetricChange:
    if one.p_value is None:
        return one
    gain = -one.difference if lower_is_better(one.name) else one.difference
    return replace(one, p_value=p_value, turn=_turn(gain, p_value))


def _turn(gain: float, p_value: float) -> Turn | None:
    if p_value >= LEVEL or not gain:
        return None
    return Turn.BETTER if gain > 0 else Turn.WORSE


def _notes(before: EvalRun, after: EvalRun) -> tuple[str, ...]:
    notes = [f"Run {run.id} is not finished." for run in (before, after) if run.state is not EvalRunState.FINISHED]
    if before.judge != after.judge:
        notes.append("The runs had different judges, so judged figures are not compared.")
    if not _same_currency(before, after):
        notes.append("The runs count costs in different currencies, so costs are not compared.")
    return tuple(notes)


def _keys_of(documents: VersionDiff | None) -> frozenset[str]:
    if documents is None:
        return frozenset()
    return frozenset(one.key for one in (*documents.added, *documents.removed, *documents.changed))
