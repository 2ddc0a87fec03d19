"""The RAGAS process: what it measures, and that nothing it does can pass for a measurement."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

import pytest

from eval.metrics.ragas import NAMES, OURS, Judge, Limits, Ragas, Sample, is_failure
from eval.metrics.ragas_process import RagasProcess
from eval.metrics.scores import Score
from rag_service.domain.metric_names import JUDGED
from rag_service.errors import EmbedderUnavailable

SAMPLE = Sample(
    user_input="Where is it?",
    response="In Paris.",
    reference="In Paris.",
    retrieved_contexts=("It is in Paris.", "Snow is white and cold."),
    reference_contexts=("It is in Paris.",),
)
EMPTY = Sample(user_input="Where?", response="", reference="", retrieved_contexts=(), reference_contexts=())
READY = "print(json.dumps({'ready': True}), flush=True)"
PATIENT = Limits(sample_s=30.0)
HALF = f"print(json.dumps({{'scores': {{name: [0.5, ''] for name in {list(NAMES)!r}}}}}), flush=True)"


async def embed(texts: list[str]) -> list[list[float]]:
    return [[float(len(text)), 1.0] for text in texts]


async def verify(question: str, response: str, contexts: list[str]) -> list[bool]:
    return [True, False, True, True]


async def run_script(
    tmp_path: Path, script: str, *, samples: int = 2, limits: Limits = PATIENT
) -> list[Mapping[str, Score]]:
    (tmp_path / "worker.py").write_text(f"import json, os, sys, time\nsys.stdin.readline()\n{script}")
    command = (sys.executable, str(tmp_path / "worker.py"))
    async with aclosing(Ragas(embed=embed, limits=limits, command=command)) as ragas:
        return [await ragas.scores(SAMPLE) for _ in range(samples)]


async def measure_both() -> list[dict[str, Score]]:
    judge = Judge(base_url="http://127.0.0.1:9/v1", model="none")
    async with aclosing(Ragas(embed=embed, verify=verify, judge=judge, names=(*NAMES, *OURS))) as ragas:
        return [await ragas.scores(SAMPLE), await ragas.scores(EMPTY)]


@pytest.fixture(scope="module")
def measured() -> list[dict[str, Score]]:
    """Scores of the real library, whose judge cannot be reached. It takes seconds to load, so it is loaded once."""
    pytest.importorskip("instructor", reason="the extra 'eval' is not installed")
    return asyncio.run(measure_both())


@pytest.mark.parametrize("name", ["string similarity", "semantic similarity", "context recall", "context precision"])
def test_metrics_that_need_no_judge_are_measured_by_the_library(measured: list[dict[str, Score]], name: str) -> None:
    assert measured[0][name].value == pytest.approx(1.0)


@pytest.mark.parametrize("name", JUDGED)
def test_a_judge_that_cannot_be_reached_leaves_its_metrics_missing(measured: list[dict[str, Score]], name: str) -> None:
    assert measured[0][name].value is None
    assert is_failure(measured[0][name])


def test_our_verifier_and_embedder_are_ragas_metrics_too(measured: list[dict[str, Score]]) -> None:
    assert measured[0]["verifier faithfulness"] == Score(0.75)
    assert measured[0]["embedding relevance"].value == pytest.approx((12 * 9 + 1) / (145**0.5 * 82**0.5))


def test_an_answer_without_words_or_contexts_has_no_score_at_all(measured: list[dict[str, Score]]) -> None:
    assert all(score.value is None and score.reason for score in measured[1].values())


async def test_a_process_that_dies_leaves_a_sample_missing_and_says_its_last_word(tmp_path: Path) -> None:
    script = f"{READY}\n{HALF}\nsys.stdin.readline()\nsys.stdin.readline()\nsys.exit('out of luck')"

    first, second = await run_script(tmp_path, script)

    assert first["BLEU"] == Score(0.5)
    assert second["BLEU"] == Score(None, "the ragas process ended")


async def test_a_process_that_died_is_started_once_more(tmp_path: Path) -> None:
    once = f"if os.path.exists({str(tmp_path / 'died')!r}):\n    {HALF}\n    time.sleep(60)"
    script = f"{READY}\nsys.stdin.readline()\n{once}\nopen({str(tmp_path / 'died')!r}, 'w').close()"

    first, second = await run_script(tmp_path, script)

    assert first["BLEU"].value is None
    assert second["BLEU"] == Score(0.5)


async def test_a_process_that_always_dies_is_given_up(tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\n{READY}"

    scores = await run_script(tmp_path, script, samples=4)

    assert all(score["BLEU"].reason.startswith("the ragas process ended") for score in scores)
    assert (tmp_path / "starts").read_text() == "xx"


async def test_a_process_that_hangs_leaves_the_sample_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.metrics.ragas._LATE_S", 0.1)

    scores = await run_script(tmp_path, f"{READY}\ntime.sleep(60)", limits=Limits(sample_s=0.2))

    assert scores[1]["BLEU"] == Score(None, "the ragas process did not answer in time")


async def test_all_samples_together_have_a_time(tmp_path: Path) -> None:
    scores = await run_script(tmp_path, f"{READY}\ntime.sleep(60)", samples=3, limits=Limits(total_s=0.5))

    assert [row["BLEU"].reason for row in scores[1:]] == ["the time for RAGAS was over"] * 2


async def test_a_process_that_does_not_keep_to_the_protocol_measures_nothing(tmp_path: Path) -> None:
    [scores] = await run_script(tmp_path, f"{READY}\nprint('[1', flush=True)\ntime.sleep(60)", samples=1)

    assert scores["BLEU"].reason == "the ragas process ended: it did not keep to the protocol"


async def test_without_the_library_every_metric_is_missing_and_says_why(tmp_path: Path) -> None:
    scores = await run_script(tmp_path, "print(json.dumps({'failure': 'ragas cannot be loaded'}), flush=True)")

    assert set(scores[0].values()) == {Score(None, "ragas cannot be loaded")}


async def test_the_process_asks_for_embeddings_and_gets_them(tmp_path: Path) -> None:
    script = (
        f"{READY}\nsys.stdin.readline()\n"
        "print(json.dumps({'embed': ['abc']}), flush=True)\n"
        "length = json.loads(sys.stdin.readline())['vectors'][0][0]\n"
        f"print(json.dumps({{'scores': {{name: [length, ''] for name in {list(NAMES)!r}}}}}), flush=True)"
    )

    [scores] = await run_script(tmp_path, script, samples=1)

    assert scores["semantic similarity"] == Score(3.0)


async def test_an_embedder_that_is_down_leaves_the_sample_missing(tmp_path: Path) -> None:
    async def down(texts: list[str]) -> list[list[float]]:
        raise EmbedderUnavailable

    (tmp_path / "worker.py").write_text(
        f"import json, sys, time\nsys.stdin.readline()\n{READY}\nprint(json.dumps({{'embed': ['a']}}), flush=True)\ntime.sleep(60)"
    )
    async with aclosing(Ragas(embed=down, command=(sys.executable, str(tmp_path / "worker.py")))) as ragas:
        scores = await ragas.scores(SAMPLE)

    assert scores["BLEU"] == Score(None, "could not be measured: EmbedderUnavailable")


async def test_the_process_gets_neither_proxies_nor_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("RAG_SECURITY__SECRET", "x" * 32)
    seen = tmp_path / "environment"

    await run_script(tmp_path, f"open({str(seen)!r}, 'w').write(' '.join(os.environ))\n{READY}", samples=1)

    assert not {"HTTP_PROXY", "RAG_SECURITY__SECRET"} & set(seen.read_text().split())


def test_a_process_that_cannot_be_started_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(FileNotFoundError):
        asyncio.run(RagasProcess.start(("/nowhere",)))

    assert list(tmp_path.iterdir()) == []


async def test_no_samples_start_no_process() -> None:
    async with aclosing(Ragas(embed=embed, command=("/nowhere",))):
        pass


def test_a_judge_is_known_by_everything_that_decides_its_verdicts_and_by_no_secret() -> None:
    judge = Judge(base_url="https://name:secret@judge.example:8443/v1", model="m-1", api_key="key", seed=7)

    assert judge.identity.startswith("m-1 at judge.example:8443, prompts of ragas ")
    assert judge.identity.endswith(", temperature 0, seed 7, at most 2048 tokens")
