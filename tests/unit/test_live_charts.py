"""Pictures of live answers: what lies where, which days are missing, what drifted."""

import re
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.live import SUPPORT, Drift, LiveDay, LiveMean
from rag_service.domain.metric_names import LATENCY
from rag_service.web.charts import HEIGHT, WIDTH, Chart
from rag_service.web.live_charts import drifted_of, live_charts
from tests.live_values import DAY, MIDNIGHT, drift


def days(*values: float | None, name: str = SUPPORT) -> list[LiveDay]:
    """Return days with these means, the last of them the day before MIDNIGHT; a day of None has no scores."""
    first = (MIDNIGHT - len(values) * DAY).date()
    return [
        LiveDay(day=first + timedelta(days=place), scored=9, means={name: LiveMean(value=value, measured=9)})
        for place, value in enumerate(values)
        if value is not None
    ]


def chart(found: list[LiveDay], *drifts: Drift) -> Chart:
    [drawn] = live_charts(found, drifts, drifted_of(drifts))
    return drawn


def heights(path: str) -> set[float]:
    return {float(y) for _, y in re.findall(r"([-\d.]+) ([-\d.]+)", path)}


def test_a_day_without_scores_cuts_the_line_and_keeps_its_place() -> None:
    drawn = chart(days(0.9, 0.8, None, 0.9, 0.8))

    xs = [dot.x for dot in drawn.dots]
    assert len(drawn.lines) == 2
    assert xs[2] - xs[1] == 2 * (xs[1] - xs[0])


def test_the_band_spans_the_days_before_and_not_the_day_that_is_compared() -> None:
    drawn = chart(days(0.9, 0.8, 0.85, 0.7), drift())

    [band] = drawn.bands
    assert heights(band) == {drawn.dots[0].y, drawn.dots[1].y}
    assert (drawn.newest, drawn.note) == ("0.70", "0.90 before")


def test_what_was_not_compared_has_no_band() -> None:
    few = drift(reference=None, current=None, psi=None, p_value=None, has_drifted=False)

    assert [chart(days(0.9, 0.8)).bands, chart(days(0.9, 0.8), few).bands] == [(), ()]


def test_a_day_that_drifted_is_marked_and_told_in_words() -> None:
    drawn = chart(days(0.9, 0.8, 0.7), drift())

    [mark] = drawn.marks
    assert (mark.label, [dot.is_marked for dot in drawn.dots]) == ("drift", [False, False, True])
    assert "fell from 0.90 to 0.70" in mark.title


def test_the_drift_of_another_measure_marks_nothing() -> None:
    assert chart(days(0.9, 0.7), drift(LATENCY)).marks == ()


def test_a_single_day_is_a_dot_with_one_date() -> None:
    drawn = chart(days(0.9))

    assert (len(drawn.dots), drawn.lines, drawn.first, drawn.last) == (1, (), "1 Mar 2026", "")


@given(st.lists(st.none() | st.floats(0, 1e6), min_size=1, max_size=20).filter(any))
def test_everything_lies_inside_the_picture(values: list[float | None]) -> None:
    drawn = chart(days(*values, name=LATENCY), drift(LATENCY))

    paths = [pair for path in (*drawn.lines, *drawn.bands) for pair in re.findall(r"([-\d.]+) ([-\d.]+)", path)]
    for x, y in [*((float(x), float(y)) for x, y in paths), *((dot.x, dot.y) for dot in drawn.dots)]:
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
