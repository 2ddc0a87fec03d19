"""The RAGAS process measures all metrics of a sample at once; none costs another its score."""

import asyncio
from collections.abc import Mapping
from typing import Any

from eval.metrics.ragas import is_failure
from eval.metrics.scores import Score
from eval.ragas_worker import Measurement, measure


async def half(_: Mapping[str, Any]) -> Measurement:
    return 0.5, ""


async def test_a_metric_that_raises_is_missing_and_the_others_are_measured() -> None:
    async def broken(_: Mapping[str, Any]) -> Measurement:
        raise TypeError("no such thing")

    scores = await measure({"broken": broken, "half": half}, {}, 30.0)

    assert scores == {"broken": (None, "ragas failed: TypeError"), "half": (0.5, "")}


async def test_a_metric_that_is_late_is_missing_blames_no_judge_and_is_tried_again() -> None:
    async def slow(_: Mapping[str, Any]) -> Measurement:
        await asyncio.sleep(3600)
        return 1.0, ""

    scores = await measure({"slow": slow, "half": half}, {}, 0.2)

    assert scores == {"slow": (None, "was not measured by RAGAS in time"), "half": (0.5, "")}
    assert is_failure(Score(*scores["slow"]))
