"""A run as one page to pass on: no scripts, nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from jinja2 import Environment, PackageLoader, select_autoescape

from rag_service.domain.case_order import Show, chosen
from rag_service.domain.evaluations import CaseResult, EvalRun, Figure

_SHOWN_CASES = 500


class ShownSection(Protocol):
    """Figures, the cases that they rest on, and what a reader must know."""

    @property
    def name(self) -> str: ...

    @property
    def metrics(self) -> Sequence[Figure]: ...

    @property
    def evidence(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    @property
    def made_with(self) -> Mapping[str, str]: ...


class ShownReport(Protocol):
    """What the page shows. `passed` is None when nothing has a target."""

    @property
    def suite(self) -> str: ...

    @property
    def started_at(self) -> datetime: ...

    @property
    def duration_s(self) -> float: ...

    @property
    def made_with(self) -> Mapping[str, str]: ...

    @property
    def sections(self) -> Sequence[ShownSection]: ...

    @property
    def passed(self) -> bool | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunSection:
    name: str
    metrics: Sequence[Figure]
    evidence: Sequence[Mapping[str, Any]]
    notes: Sequence[str]
    made_with: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunReport:
    suite: str
    started_at: datetime
    duration_s: float
    made_with: Mapping[str, str]
    sections: Sequence[ShownSection]
    passed: bool | None


def report_html(report: ShownReport) -> str:
    """Return a report as a page."""
    return _TEMPLATES.get_template("run_report.html").render(report=report, shown_cases=_SHOWN_CASES)


def run_report_html(run: EvalRun, results: Sequence[CaseResult], *, corpus: str) -> str:
    """Return a kept run as a page, its worst cases first."""
    version = "" if run.number is None else f", version {run.number}"
    section = _RunSection(
        name=f"{corpus}{version}",
        metrics=run.figures,
        evidence=[_case(one) for one in chosen(results, Show.ALL)],
        notes=(*run.notes, *([f"It could not be measured: {run.error}"] if run.error else [])),
    )
    ended_at = run.finished_at or run.created_at
    return report_html(
        _RunReport(
            suite=run.suite,
            started_at=run.created_at,
            duration_s=(ended_at - run.created_at).total_seconds(),
            made_with=run.made_with,
            sections=[section],
            passed=run.passed,
        )
    )


def figure(value: float | None) -> str:
    """Return a figure as it is printed; a missing one is a dash, never a number."""
    return "–" if value is None else f"{value:.3f}"


def verdict(metric: Figure) -> str:
    """Return whether the target is reached; nothing without a target."""
    return {None: "", True: "pass", False: "FAIL"}[metric.passed]


def reasons(metric: Figure) -> str:
    """Return why scores are missing."""
    return "; ".join(f"{count} × {reason}" for reason, count in metric.missing.items())


def _case(one: CaseResult) -> dict[str, Any]:
    return {"id": one.case_id, **one.evidence, "scores": dict(one.scores), "missing": dict(one.missing)}


_TEMPLATES = Environment(loader=PackageLoader("rag_service.api", "."), autoescape=select_autoescape())
_TEMPLATES.filters |= {"figure": figure, "verdict": verdict, "reasons": reasons}
