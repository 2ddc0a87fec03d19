"""The RAGAS process: what it measures, and that nothing it does can pass for a measurement."""

import asyncio
import sys
from pathlib import Path

import pytest

from eval.metrics.ragas import NAMES, WITH_JUDGE, Judge, Sample, ragas_scores
from eval.metrics.scores import Score

SAMPLE = Sample(
    user_input="Where is it?",
    response="In Paris.",
    reference="In Paris.",
    retrieved_contexts=("It is in Paris.", "Snow is white and cold."),
    reference_contexts=("It is in Paris.",),
)
EMPTY = Sample(user_input="Where?", response="", reference="", retrieved_contexts=(), reference_contexts=())


async def embed(texts: list[str]) -> list[list[float]]:
    return [[float(len(text)), 1.0] for text in texts]


async def run_script(tmp_path: Path, script: str, samples: int = 2, sample_s: float = 30.0) -> list[dict[str, Score]]:
    (tmp_path / "worker.py").write_text(f"import json, sys, time\nsys.stdin.readline()\n{script}")
    command = (sys.executable, str(tmp_path / "worker.py"))
    return await ragas_scores([SAMPLE] * samples, embed=embed, command=command, sample_s=sample_s)


@pytest.fixture(scope="module")
def measured() -> list[dict[str, Score]]:
    """Scores of the real library, whose judge cannot be reached. It takes seconds to load, so it is loaded once."""
    pytest.importorskip("instructor", reason="the extra 'eval' is not installed")
    judge = Judge(base_url="http://127.0.0.1:9/v1", model="none")
    return asyncio.run(ragas_scores([SAMPLE, EMPTY], embed=embed, judge=judge))


@pytest.mark.parametrize("name", ["string similarity", "semantic similarity", "context recall", "context precision"])
def test_metrics_that_need_no_judge_are_measured_by_the_library(measured: list[dict[str, Score]], name: str) -> None:
    assert measured[0][name].value == pytest.approx(1.0)


@pytest.mark.parametrize("name", WITH_JUDGE)
def test_a_judge_that_cannot_be_reached_leaves_its_metrics_missing(measured: list[dict[str, Score]], name: str) -> None:
    assert measured[0][name].value is None
    assert measured[0][name].reason.startswith("the judge failed")


def test_an_answer_without_words_or_contexts_has_no_score_at_all(measured: list[dict[str, Score]]) -> None:
    assert all(score.value is None and score.reason for score in measured[1].values())


async def test_a_process_that_dies_leaves_the_rest_missing_and_says_its_last_word(tmp_path: Path) -> None:
    one = f"print(json.dumps({{'ready': True}}), flush=True)\nprint(json.dumps({{'scores': {{name: [0.5, ''] for name in {list(NAMES)!r}}}}}), flush=True)"
    script = f"{one}\nsys.stdin.readline()\nsys.exit('out of luck')"

    first, second = await run_script(tmp_path, script)

    assert first["BLEU"] == Score(0.5)
    assert second["BLEU"] == Score(None, "the ragas process ended: out of luck")


async def test_a_process_that_hangs_leaves_the_rest_missing(tmp_path: Path) -> None:
    script = "print(json.dumps({'ready': True}), flush=True)\ntime.sleep(60)"

    scores = await run_script(tmp_path, script, sample_s=0.5)

    assert scores[1]["BLEU"] == Score(None, "the ragas process did not answer in time")


async def test_without_the_library_every_metric_is_missing_and_says_why(tmp_path: Path) -> None:
    scores = await run_script(tmp_path, "print(json.dumps({'failure': 'ragas cannot be loaded'}), flush=True)")

    assert set(scores[0].values()) == {Score(None, "ragas cannot be loaded")}


async def test_the_process_asks_for_embeddings_and_gets_them(tmp_path: Path) -> None:
    script = (
        "print(json.dumps({'ready': True}), flush=True)\nsys.stdin.readline()\n"
        "print(json.dumps({'embed': ['abc']}), flush=True)\n"
        "length = json.loads(sys.stdin.readline())['vectors'][0][0]\n"
        f"print(json.dumps({{'scores': {{name: [length, ''] for name in {list(NAMES)!r}}}}}), flush=True)"
    )

    [scores] = await run_script(tmp_path, script, samples=1)

    assert scores["semantic similarity"] == Score(3.0)


async def test_no_samples_start_no_process() -> None:
    assert await ragas_scores([], embed=embed, command=("/nowhere",)) == []
