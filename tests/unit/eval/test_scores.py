"""What could not be measured is missing: never 0, never 1, never NaN."""

import json
import math
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.scores import Score, mean_of, missing
from rag_service.domain.evaluations import Figure

values = st.floats(0, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_is_a_number(value: float) -> None:
    with pytest.raises(ValueError, match="not a measurement"):
        Score(value)


def test_a_missing_score_has_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        Score(None)


def test_a_mean_leaves_missing_scores_out_and_says_how_many() -> None:
    metric = mean_of("m", [Score(1.0), missing("no judge"), Score(0.5)])

    assert (metric.value, metric.measured, metric.total, dict(metric.missing)) == (0.75, 2, 3, {"no judge": 1})


def test_reasons_survive_being_written_as_json() -> None:
    metric = mean_of("m", [missing("no judge"), missing("no judge")])

    assert json.loads(json.dumps(asdict(metric)))["missing"] == {"no judge": 2}


def test_a_mean_of_nothing_is_missing() -> None:
    assert mean_of("m", [missing("no judge")]).value is None


def test_a_missing_value_reaches_no_target() -> None:
    assert mean_of("m", [missing("no judge")], target=0.0).passed is False


@pytest.mark.parametrize(("target", "passed"), [(None, None), (0.5, True), (0.51, False)])
def test_a_target_is_reached_from_its_value_on(target: float | None, passed: bool | None) -> None:
    assert Figure(name="m", value=0.5, measured=1, total=1, target=target).passed is passed


@given(st.lists(values, min_size=1), st.integers(0, 5))
def test_missing_scores_never_move_a_mean(measured: list[float], absent: int) -> None:
    scores = [Score(value) for value in measured]

    assert mean_of("m", scores + [missing("x")] * absent).value == mean_of("m", scores).value
