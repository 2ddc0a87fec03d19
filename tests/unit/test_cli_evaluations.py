"""`rag eval list|show|compare|export|html` against a small service with canned replies."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rag_service.api.eval_replies import comparison_out, run_out
from rag_service.domain.comparisons import Measured, compare
from rag_service.domain.evaluations import CaseResult
from rag_service.use_cases.paired_differences import PairedDifferences
from tests.evaluation_values import MADE_WITH, abstained, figure, result, run
from tests.unit.canned_service import CannedService, rag, running

RUN = run(figures=(figure(target=0.9), figure("ragas: faithfulness", None, missing={"the judge is silent": 10})))


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def comparison(after: list[CaseResult], *, made_with: Mapping[str, str] = MADE_WITH) -> dict[str, Any]:
    before = [result(f"gold_{n}") for n in range(8)]
    return comparison_out(
        compare(
            Measured(run=run(day=1), results=before),
            Measured(run=run(day=2, number=2, made_with=MADE_WITH | dict(made_with)), results=after),
            measure=PairedDifferences(),
        )
    ).model_dump()


def test_runs_are_listed_with_how_they_ended(service: CannedService) -> None:
    service.replies["GET", "/v1/evals"] = [(200, {"data": [run_out(RUN).model_dump()], "has_more": False})]

    assert rag(service, "eval", "list").stdout == (
        "eval_1  2026-01-02 00:00Z  golden@1  nightly  finished 10/10  a target was missed\n"
    )


def test_no_runs_say_how_to_make_one(service: CannedService) -> None:
    service.replies["GET", "/v1/evals"] = [(200, {"data": [], "has_more": False})]

    assert "rag eval run golden" in rag(service, "eval", "list").stdout


def test_a_run_is_shown_with_its_coverage(service: CannedService) -> None:
    service.replies["GET", "/v1/evals/eval_1"] = [(200, run_out(RUN).model_dump())]

    lines = rag(service, "eval", "show", "eval_1").stdout.splitlines()

    assert lines[1].split() == "recall@5 0.800 (0.700 to 0.900) MISSED 10 of 10".split()
    assert lines[2].split() == "ragas: faithfulness - 0 of 10; 10 × the judge is silent".split()
    assert "  prompt: v1" in lines


def test_a_worse_run_has_an_exit_code_of_its_own(service: CannedService) -> None:
    worse = comparison([result(f"gold_{n}", abstained(), recall=0.0) for n in range(8)])
    service.replies["GET", "/v1/evals/compare"] = [(200, worse)]

    found = rag(service, "eval", "compare", "eval_1", "eval_2")

    assert found.exit_code == 6
    assert "made with another version: 1 -> 2" in found.stdout
    assert "  after: [abstained] The documents do not say." in found.stdout
    assert found.stdout.splitlines()[-2:] == [
        "Nothing that is known of the runs can be why of 8 of 8 worse questions.",
        "The second run is worse.",
    ]


def test_what_may_be_why_is_named_with_how_many_questions(service: CannedService) -> None:
    worse = comparison([result(f"gold_{n}", abstained()) for n in range(8)], made_with={"prompt": "v2"})
    service.replies["GET", "/v1/evals/compare"] = [(200, worse)]

    found = rag(service, "eval", "compare", "eval_1", "eval_2").stdout

    assert "What may be why of 8 of 8 worse questions: prompt v1 -> v2" in found
    assert "  what may be why: prompt" in found


def test_a_run_that_is_not_worse_ends_well(service: CannedService) -> None:
    service.replies["GET", "/v1/evals/compare"] = [(200, comparison([result(f"gold_{n}") for n in range(8)]))]

    found = rag(service, "eval", "compare", "eval_1", "eval_2")

    assert (found.exit_code, found.stdout.splitlines()[-1]) == (0, "No figure is worse by more than chance.")


def test_an_export_goes_to_standard_output_as_it_is(service: CannedService) -> None:
    service.replies["GET", "/v1/evals/eval_1/export"] = [(200, {"id": "eval_1"})]

    assert rag(service, "eval", "export", "eval_1").stdout.strip() == '{"id": "eval_1"}'


def test_a_page_is_written_to_a_file(service: CannedService, tmp_path: Path) -> None:
    service.replies["GET", "/v1/evals/eval_1/report"] = [(200, {"page": 1})]

    found = rag(service, "eval", "html", "eval_1", "--out", str(tmp_path / "run.html"))

    assert (tmp_path / "run.html").read_text(encoding="utf-8") == '{"page": 1}'
    assert found.stdout == f"Written to {tmp_path / 'run.html'}.\n"


def test_a_file_that_cannot_be_written_is_told(service: CannedService, tmp_path: Path) -> None:
    service.replies["GET", "/v1/evals/eval_1/report"] = [(200, {})]

    found = rag(service, "eval", "html", "eval_1", "--out", str(tmp_path / "missing" / "run.html"))

    assert (found.exit_code, "cannot be written" in found.stderr) == (1, True)
