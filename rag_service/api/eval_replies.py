"""Runs, results and comparisons as they are sent."""

from typing import Any, Literal

from pydantic import BaseModel

from rag_service.api.lists import Listed
from rag_service.api.version_differences import VersionDifferenceOut, version_difference_out
from rag_service.domain.changed_questions import ChangedQuestion, SeenAnswer
from rag_service.domain.comparisons import Cause, Comparison, MetricChange, OutcomeChange
from rag_service.domain.evaluations import CaseResult, EvalRun, Figure
from rag_service.domain.trends import SettingChange, TrendPoint


class FigureOut(BaseModel):
    """The mean of `measured` of `total` cases; `missing` counts the others by reason. Null where nothing was measured."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    measured: int
    total: int
    missing: dict[str, int]
    target: float | None
    passed: bool | None


class EvalRunOut(Listed):
    """A run of a suite over a version of a corpus. `passed` is null while it runs and when nothing has a target."""

    object: Literal["evaluation.run"] = "evaluation.run"
    corpus_id: str
    version: int | None
    draft_id: str | None
    suite: str
    suite_digest: str
    purpose: str
    state: str
    made_with: dict[str, str]
    judge: str | None
    total: int
    done: int
    figures: list[FigureOut]
    passed: bool | None
    notes: list[str]
    error: str | None
    created_at: int
    finished_at: int | None


class ResultOut(Listed):
    """What became of one case; `id` is the case's. A score is null where it is missing, for the reason in `missing`.

    `judge` is who judged its run, null without one.
    """

    object: Literal["evaluation.result"] = "evaluation.result"
    scores: dict[str, float | None]
    missing: dict[str, str]
    judge: str | None
    evidence: dict[str, Any]


class ChangeOut(BaseModel):
    """Something that a run was made with and another was not; null where it was not there."""

    name: str
    before: str | None
    after: str | None


class PointOut(BaseModel):
    """A run, and what it was made with otherwise than the run before it."""

    run: EvalRunOut
    changes: list[ChangeOut]


class TrendOut(BaseModel):
    """How a suite of a corpus came out each time, oldest first."""

    object: Literal["evaluation.trend"] = "evaluation.trend"
    suite: str
    points: list[PointOut]


class MetricChangeOut(BaseModel):
    """A metric over the `pairs` of cases that have it in both runs. `turn` is null unless the difference is significant.

    `low` and `high` bound the difference (95 %, paired bootstrap); `p_value` allows for all that is compared.
    """

    name: str
    pairs: int
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    turn: str | None


class OutcomeChangeOut(BaseModel):
    """A yes or no: how many cases had it before and after, and how many lost or won it (McNemar's exact test)."""

    name: str
    pairs: int
    before: int
    after: int
    lost: int
    won: int
    p_value: float
    turn: str | None


class SeenAnswerOut(BaseModel):
    """An answer; `cited` are keys of documents."""

    status: str
    text: str
    cited: list[str]


class ScoresOut(BaseModel):
    """A score of one case in both runs."""

    before: float
    after: float


class ChangedQuestionOut(BaseModel):
    """A question that was answered otherwise: better, worse or merely different. `documents` are changed ones it touches.

    `causes` name those of the comparison's `settings` that may be why; empty when none of them can be.
    """

    case_id: str
    question: str
    turn: str
    reasons: list[str]
    before: SeenAnswerOut
    after: SeenAnswerOut
    scores: dict[str, ScoresOut]
    documents: list[str]
    causes: list[str]


class CauseOut(ChangeOut):
    """Something that was made otherwise, and how many of the questions that are worse it may be why of."""

    worse_questions: int


class ComparisonOut(BaseModel):
    """How run `after` differs from run `before` over the `common` cases; `left_out` counts the others by reason.

    `worse` says that some quality got worse by more than chance. `causes` are those of `settings` that may be why of
    questions that are worse, the one that may be why of most first; `unexplained` counts the questions that are worse and
    of which none can be why. `documents` is null when the versions are the same, or cannot be read any more.
    """

    object: Literal["evaluation.comparison"] = "evaluation.comparison"
    before: EvalRunOut
    after: EvalRunOut
    common: int
    left_out: dict[str, int]
    worse: bool
    metrics: list[MetricChangeOut]
    outcomes: list[OutcomeChangeOut]
    questions: list[ChangedQuestionOut]
    settings: list[ChangeOut]
    causes: list[CauseOut]
    unexplained: int
    documents: VersionDifferenceOut | None
    notes: list[str]


def run_out(run: EvalRun) -> EvalRunOut:
    """Return a run as it is sent."""
    return EvalRunOut(
        id=run.id,
        corpus_id=run.corpus_id,
        version=run.number,
        draft_id=run.draft_id,
        suite=run.suite,
        suite_digest=run.suite_digest,
        purpose=run.purpose.value,
        state=run.state.value,
        made_with=dict(run.made_with),
        judge=run.judge,
        total=run.total,
        done=run.done,
        figures=[_figure_out(figure) for figure in run.figures],
        passed=run.passed,
        notes=list(run.notes),
        error=run.error,
        created_at=int(run.created_at.timestamp()),
        finished_at=None if run.finished_at is None else int(run.finished_at.timestamp()),
    )


def result_out(result: CaseResult, *, judge: str | None) -> ResultOut:
    """Return a result as it is sent, with who judged it."""
    return ResultOut(
        id=result.case_id,
        scores=dict(result.scores),
        missing=dict(result.missing),
        judge=judge,
        evidence=dict(result.evidence),
    )


def point_out(point: TrendPoint) -> PointOut:
    """Return a point of a trend as it is sent."""
    return PointOut(run=run_out(point.run), changes=[_change_out(change) for change in point.changes])


def comparison_out(found: Comparison) -> ComparisonOut:
    """Return a comparison as it is sent."""
    return ComparisonOut(
        before=run_out(found.before),
        after=run_out(found.after),
        common=found.common,
        left_out=dict(found.left_out),
        worse=found.is_worse,
        metrics=[_metric_out(metric) for metric in found.metrics],
        outcomes=[_outcome_out(outcome) for outcome in found.outcomes],
        questions=[_question_out(question) for question in found.questions],
        settings=[_change_out(change) for change in found.settings],
        causes=[_cause_out(cause) for cause in found.causes],
        unexplained=found.unexplained,
        documents=None if found.documents is None else version_difference_out(found.documents),
        notes=list(found.notes),
    )


def _figure_out(figure: Figure) -> FigureOut:
    return FigureOut(
        name=figure.name,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        measured=figure.measured,
        total=figure.total,
        missing=dict(figure.missing),
        target=figure.target,
        passed=figure.passed,
    )


def _change_out(change: SettingChange) -> ChangeOut:
    return ChangeOut(name=change.name, before=change.before, after=change.after)


def _cause_out(cause: Cause) -> CauseOut:
    change = cause.change
    return CauseOut(name=change.name, before=change.before, after=change.after, worse_questions=cause.worse)


def _metric_out(metric: MetricChange) -> MetricChangeOut:
    spread = metric.spread
    return MetricChangeOut(
        name=metric.name,
        pairs=metric.pairs,
        before=metric.before,
        after=metric.after,
        difference=metric.difference,
        low=None if spread is None else spread.low,
        high=None if spread is None else spread.high,
        p_value=metric.p_value,
        turn=metric.turn,
    )


def _outcome_out(outcome: OutcomeChange) -> OutcomeChangeOut:
    return OutcomeChangeOut(
        name=outcome.name,
        pairs=outcome.pairs,
        before=outcome.before,
        after=outcome.after,
        lost=outcome.lost,
        won=outcome.won,
        p_value=outcome.p_value,
        turn=outcome.turn,
    )


def _question_out(question: ChangedQuestion) -> ChangedQuestionOut:
    return ChangedQuestionOut(
        case_id=question.case_id,
        question=question.question,
        turn=question.turn,
        reasons=list(question.reasons),
        before=_answer_out(question.before),
        after=_answer_out(question.after),
        scores={name: ScoresOut(before=before, after=after) for name, (before, after) in question.scores.items()},
        documents=list(question.documents),
        causes=list(question.causes),
    )


def _answer_out(answer: SeenAnswer) -> SeenAnswerOut:
    return SeenAnswerOut(status=answer.status, text=answer.text, cited=list(answer.cited))
