"""The command `python -m eval.run`: mistakes are told before anything is opened."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from eval.agreement import main as agreement
from eval.commands import named_judge
from eval.learn_fusion import main as learn_fusion
from eval.run import main
from rag_service.settings import EvaluationSettings


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nope",), "No such suite: nope"),
        (("retrieval", "--set", "nope"), "no set nope. It has 2wiki-101"),
        (("sample", "--key-file", "/nowhere/key"), "No key: /nowhere/key is not there"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path)], env={"RAGCTL_KEY": None})

    assert result.exit_code == 1
    assert told in result.stderr


def test_labels_that_are_not_there_are_told_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(agreement, ["handbook", str(tmp_path / "labels.jsonl"), "--out", str(tmp_path)])

    assert (result.exit_code, "cannot be read" in result.stderr) == (1, True)


def test_a_weight_is_kept_or_forgotten_but_not_both() -> None:
    result = CliRunner().invoke(learn_fusion, ["--corpus", "c", "--apply", "--reset", "--key", "k"])

    assert (result.exit_code, "not both" in result.stderr) == (2, True)


def test_a_judge_needs_its_model_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["sample", "--judge-url", "http://127.0.0.1:9", "--out", str(tmp_path)])

    assert result.exit_code == 2
    assert "--judge-model" in result.stderr


def test_the_settings_say_how_a_judge_is_asked_that_the_command_names() -> None:
    settings = EvaluationSettings(
        judge_url="http://127.0.0.1:1/v1", judge_model="m", judge_key="k", judge_seed=3, judge_timeout_s=5.0, parallel=2
    )

    judge = named_judge(settings, "http://127.0.0.1:9/v1", "other", "")

    assert judge is not None
    assert (judge.base_url, judge.model, judge.api_key) == ("http://127.0.0.1:9/v1", "other", "")
    assert (judge.seed, judge.timeout_s, judge.parallel) == (3, 5.0, 2)


def test_without_a_name_on_the_command_line_the_judge_is_that_of_the_settings() -> None:
    settings = EvaluationSettings(judge_url="http://127.0.0.1:1/v1", judge_model="m", judge_key="k")

    judge = named_judge(settings, None, None, "")

    assert judge is not None and (judge.model, judge.api_key) == ("m", "k")
