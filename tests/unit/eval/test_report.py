"""The report in its three forms."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from eval.report import as_json, print_report, write_report
from rag_service.api.run_report import Report, Section, report_html, run_report_html
from rag_service.domain.evaluations import EvalRunState, Figure
from tests.evaluation_values import figure, run

REPORT = Report(
    suite="sample",
    started_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    duration_s=12.3,
    made_with={"build": "abc"},
    sections=[
        Section(
            name="handbook@1",
            metrics=[
                Figure(name="hit", value=0.5, measured=2, total=3, missing={"no <answer>": 1}, target=0.9),
                Figure(name="judged", value=None, measured=0, total=3, missing={"no judge": 3}),
            ],
            evidence=[{"id": "1", "question": "<script>alert(1)</script>", "status": "answered"}],
            notes=["Skipped: nothing"],
        )
    ],
)


def test_a_missed_target_fails_the_report() -> None:
    assert as_json(REPORT)["passed"] is False


def test_a_report_without_targets_has_neither_passed_nor_failed() -> None:
    [section] = REPORT.sections
    aimless = replace(REPORT, sections=[replace(section, metrics=section.metrics[1:])])

    assert as_json(aimless)["passed"] is None
    assert "<h1>sample</h1>" in report_html(aimless)


def test_a_run_that_is_not_finished_has_not_passed() -> None:
    running = run(state=EvalRunState.RUNNING, figures=(figure(target=0.1),))

    assert "<h1>golden</h1>" in run_report_html(running, [], corpus="house")
    assert "<h1>golden: passed</h1>" in run_report_html(
        replace(running, state=EvalRunState.FINISHED), [], corpus="house"
    )


def test_json_keeps_a_missing_value_as_null() -> None:
    metrics = json.loads(json.dumps(as_json(REPORT)))["sections"][0]["metrics"]

    assert [(metric["value"], metric["measured"], metric["total"]) for metric in metrics] == [(0.5, 2, 3), (None, 0, 3)]


def test_the_table_shows_coverage_and_why_scores_are_missing() -> None:
    out = StringIO()

    print_report(REPORT, Console(file=out, width=120))

    assert all(text in out.getvalue() for text in ("0.500", "FAIL", "2 / 3", "3 × no judge", "–", "Skipped: nothing"))


def test_systems_that_could_have_been_served_stand_in_one_table() -> None:
    [section] = REPORT.sections
    words = Figure(name="hit", value=0.25, measured=3, total=3)
    report = replace(REPORT, sections=[replace(section, systems={"words": [words]})])
    out = StringIO()

    print_report(report, Console(file=out, width=120))

    rows = out.getvalue().partition("Systems")[2]
    assert [line.split()[1::2][1:] for line in rows.splitlines() if "@1" in line] == [
        ["words", "0.250"],
        ["default", "0.500"],
    ]
    assert "0.250" in report_html(report)


def test_the_page_escapes_what_it_quotes() -> None:
    page = report_html(REPORT)

    assert "<script" not in page
    assert "no &lt;answer&gt;" in page


def test_both_files_are_written_under_the_name_of_suite_and_time(tmp_path: Path) -> None:
    paths = write_report(REPORT, tmp_path / "reports")

    assert [path.name for path in paths] == ["sample-20260102-030400.json", "sample-20260102-030400.html"]
    assert all(path.stat().st_size for path in paths)
