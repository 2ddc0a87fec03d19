"""Trends and their pictures, the order of cases, and the parts of an answer."""

import re
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.case_order import Show, chosen, counts_of
from rag_service.domain.evaluations import EvalRunState, RunPurpose
from rag_service.domain.marks import MARK
from rag_service.domain.trends import TrendPoint, trend_of
from rag_service.web.answer_parts import parts_of_answer
from rag_service.web.charts import HEIGHT, WIDTH, written
from rag_service.web.trend_charts import chart_of, rows_of, told
from tests.evaluation_values import MADE_WITH, abstained, evidence, figure, result, run

values = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=30)


def trend(*scores: float | None, name: str = "recall@5") -> tuple[TrendPoint, ...]:
    return trend_of(run(day=day, figures=(figure(name, score),)) for day, score in enumerate(scores, start=1))


def test_a_trend_has_only_finished_runs_of_what_people_could_ask() -> None:
    others: list[dict[str, Any]] = [
        {"state": EvalRunState.RUNNING},
        {"state": EvalRunState.FAILED},
        {"draft_id": "draft_1"},
        {"purpose": RunPurpose.GATE},
    ]

    points = trend_of([run(day=1), *(run(day=2, **other) for other in others), run(day=3)])

    assert [point.run.id for point in points] == ["eval_1", "eval_3"]


def test_what_changed_between_runs_is_told() -> None:
    before, after = run(day=1), run(day=2, number=2, made_with=MADE_WITH | {"prompt": "v2"}, judge="model@1")

    assert told(trend_of([before, after])[1]) == "version 1 → 2, prompt v1 → v2, judge none → model@1"


def test_other_golden_questions_are_a_change_too() -> None:
    [_, second] = trend_of([run(day=1), run(day=2, suite_digest="e" * 64)])

    assert [change.name for change in second.changes] == ["questions"]


def test_a_missing_figure_cuts_the_line() -> None:
    chart = chart_of("recall@5", rows_of(trend(0.5, 0.6, None, 0.7, 0.8)))

    assert (len(chart.lines), len(chart.bands), len(chart.dots)) == (2, 2, 4)


def test_a_chart_says_how_the_newest_run_differs() -> None:
    chart = chart_of("recall@5", rows_of(trend(0.9, 0.8)))

    assert (chart.newest, chart.note) == ("0.80", "−0.10")


def test_marks_close_together_share_their_room() -> None:
    runs = [run(day=day, number=day) for day in range(1, 60)]

    marks = chart_of("recall@5", rows_of(trend_of(runs))).marks

    labels = [mark for mark in marks if mark.label]
    assert len(marks) == 58
    assert all(later.x - earlier.x >= 44 for earlier, later in pairwise(labels))


def test_a_figure_that_was_never_measured_is_an_empty_chart() -> None:
    chart = chart_of("recall@5", rows_of(trend(None, None)))

    assert (chart.newest, chart.lines, chart.dots, chart.ticks) == ("–", (), (), ())


@given(values)
def test_everything_lies_inside_the_picture(scores: list[float | None]) -> None:
    chart = chart_of("recall@5", rows_of(trend(*scores)))

    numbers = [
        tuple(map(float, pair))
        for path in (*chart.lines, *chart.bands)
        for pair in re.findall(r"([-\d.]+) ([-\d.]+)", path)
    ]
    for x, y in [*numbers, *((dot.x, dot.y) for dot in chart.dots), *((0.0, tick.y) for tick in chart.ticks)]:
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_times_are_whole_and_shares_have_two_digits() -> None:
    assert [written("latency ms", 1234.5), written("latency ms", 6.08), written("recall@5", 1.0)] == [
        "1,234",
        "6.1",
        "1.00",
    ]


def test_the_worst_cases_come_first() -> None:
    cases = [
        result("good"),
        result("uncited", evidence(gold_cited=False)),
        result("wrong", abstained()),
        result("failed", abstained(status=None, failure="timeout")),
        result("poor", recall=0.1),
    ]

    assert [one.case_id for one in chosen(cases, Show.ALL)] == ["failed", "wrong", "uncited", "poor", "good"]


def test_cases_are_counted_by_what_is_wrong_with_them() -> None:
    unanswerable = abstained(answerable=False, gold=[], expected=[])
    cases = [result("a", abstained()), result("b", unanswerable), result("c", recall=None), result("d")]

    assert counts_of(cases) == {Show.ALL: 4, Show.FAILED: 0, Show.WRONG: 1, Show.ABSTAINED: 2, Show.MISSING: 1}


def test_an_answer_is_cut_where_its_citations_end() -> None:
    cited = [{"start": 0, "end": 10}, {"start": 14, "end": 21}, {"start": 14, "end": 21}]

    parts = parts_of_answer("It closes. [1] It opens. [2][3]", cited)

    assert [(part.text, part.numbers) for part in parts if part.numbers] == [("It closes.", (1,)), (" It ope", (2, 3))]
    assert not any("[" in part.text for part in parts)


@given(text=st.text(max_size=40), spans=st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=5))
def test_no_word_of_an_answer_is_lost(text: str, spans: list[tuple[int, int]]) -> None:
    text = text.replace("[", "(").replace("【", "(")

    parts = parts_of_answer(text, [{"start": start, "end": end} for start, end in spans])

    assert "".join(part.text for part in parts) == MARK.sub("", text)
