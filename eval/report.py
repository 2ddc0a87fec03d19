"""One report in three forms: a table to read now, JSON to compare, a page to pass on."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rag_service.api.run_report import SERVED, Report, Section, figure, reasons, report_html, verdict
from rag_service.domain.evaluations import Figure


def print_report(report: Report, console: Console) -> None:
    """Print the figures."""
    console.print(f"[bold]{report.suite}[/]  {report.started_at:%Y-%m-%d %H:%M} UTC, {report.duration_s:.0f} s")
    for section in report.sections:
        console.print(_table(section))
        for note in section.notes:
            console.print(f"  {note}", markup=False)
    if any(section.systems for section in report.sections):
        console.print(_systems_table(report.sections))


def as_json(report: Report) -> dict[str, Any]:
    """Return the whole report, with `passed` of each metric."""
    sections = [
        asdict(section) | {"metrics": [asdict(metric) | {"passed": metric.passed} for metric in section.metrics]}
        for section in report.sections
    ]
    return {
        "suite": report.suite,
        "started_at": report.started_at.isoformat(),
        "duration_s": round(report.duration_s, 1),
        "passed": report.passed,
        "made_with": dict(report.made_with),
        "sections": sections,
    }


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write the report as JSON and HTML; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{report.suite}-{report.started_at:%Y%m%d-%H%M%S}"
    json_path, html_path = stem.with_suffix(".json"), stem.with_suffix(".html")
    json_path.write_text(json.dumps(as_json(report), ensure_ascii=False, indent=1), encoding="utf-8")
    html_path.write_text(report_html(report), encoding="utf-8")
    return json_path, html_path


def _table(section: Section) -> Table:
    table = Table(title=section.name, title_justify="left")
    for name in ("metric", "value", "target", "", "measured", "missing because"):
        table.add_column(name, justify="right" if name in {"value", "target", "measured"} else "left")
    for row in _rows(section.metrics):
        table.add_row(*row)
    return table


def _systems_table(sections: Sequence[Section]) -> Table:
    """Return one row for each system of each section, the one that is served last and under its own name."""
    measured = [section for section in sections if section.systems]
    names = [metric.name for metric in next(iter(measured[0].systems.values()))]
    table = Table(title="Systems", title_justify="left")
    for name in ("set", "system"):
        table.add_column(name)
    for name in names:
        table.add_column(name, justify="right")
    for section in measured:
        for system, metrics in {**section.systems, SERVED: section.metrics}.items():
            table.add_row(section.name, system, *(figure(metric.value) for metric in metrics if metric.name in names))
        table.add_section()
    return table


def _rows(metrics: Iterable[Figure]) -> Iterable[tuple[str, ...]]:
    for metric in metrics:
        target = figure(metric.target) if metric.target is not None else ""
        coverage = f"{metric.measured} / {metric.total}"
        yield metric.name, figure(metric.value), target, verdict(metric), coverage, reasons(metric)
