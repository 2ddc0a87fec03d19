"""A run as one page to pass on: no scripts, nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from rag_service.domain.case_order import Show, chosen
from rag_service.domain.evaluations import CaseResult, EvalRun, EvalRunState, Figure, all_reached

SERVED = "default"
"""What a report calls the system that is served, beside others."""

_SHOWN_CASES = 500
_LEAST_WITH_THREE_DIGITS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The figures of one corpus, what they rest on case by case, and what a reader must know.

    `systems` has figures of the same names for what else could have been served, by its name.
    `made_with` names what decided them where that is not what the service is set to, as in a version of before.
    """

    name: str
    metrics: Sequence[Figure] = field(default_factory=list)
    systems: Mapping[str, Sequence[Figure]] = field(default_factory=dict)
    evidence: Sequence[Mapping[str, Any]] = field(default_factory=list)
    notes: Sequence[str] = field(default_factory=list)
    made_with: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run of one suite. `made_with` names everything that decides the figures."""

    suite: str
    started_at: datetime
    duration_s: float
    made_with: Mapping[str, str]
    sections: Sequence[Section]
    is_finished: bool = True

    @property
    def passed(self) -> bool | None:
        """Say whether every target was reached; None before the end, and when nothing has a target."""
        metrics = [metric for section in self.sections for metric in section.metrics]
        return all_reached(metrics) if self.is_finished else None


def report_html(report: Report) -> str:
    """Return a report as a page."""
    return _TEMPLATES.get_template("run_report.html").render(report=report, shown_cases=_SHOWN_CASES)


def run_report_html(run: EvalRun, results: Sequence[CaseResult], *, corpus: str) -> str:
    """Return a kept run as a page, its worst cases first."""
    version = "" if run.number is None else f", version {run.number}"
    section = Section(
        name=f"{corpus}{version}",
        metrics=run.figures,
        evidence=[case_row(one, judge=run.judge) for one in chosen(results, Show.ALL)],
        notes=(*run.notes, *([f"It could not be measured: {run.error}"] if run.error else [])),
    )
    ended_at = run.finished_at or run.created_at
    return report_html(
        Report(
            suite=run.suite,
            started_at=run.created_at,
            duration_s=(ended_at - run.created_at).total_seconds(),
            made_with=run.made_with,
            sections=[section],
            is_finished=run.state is EvalRunState.FINISHED,
        )
    )


def case_row(one: CaseResult, *, judge: str | None) -> dict[str, Any]:
    """Return what became of a case, and who judged it."""
    scores, missing = dict(one.scores), dict(one.missing)
    return {"id": one.case_id, **one.evidence, "scores": scores, "missing": missing, "judge": judge}


def figure(value: float | None) -> str:
    """Return a figure as it is printed; a missing one is a dash, never a number."""
    if value is None:
        return "–"
    # The cost of an answer is often less than a thousandth.
    return f"{value:.2g}" if 0 < abs(value) < _LEAST_WITH_THREE_DIGITS else f"{value:.3f}"


def verdict(metric: Figure) -> str:
    """Return whether the target is reached; nothing without a target."""
    return {None: "", True: "pass", False: "FAIL"}[metric.passed]


def reasons(metric: Figure) -> str:
    """Return why scores are missing."""
    return "; ".join(f"{count} × {reason}" for reason, count in metric.missing.items())


_TEMPLATES = Environment(loader=PackageLoader("rag_service.api", "."), autoescape=select_autoescape())
_TEMPLATES.filters |= {"figure": figure, "verdict": verdict, "reasons": reasons}
