"""The command `python -m eval.run`: mistakes are told before anything is opened."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from eval.run import main


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


def test_a_judge_needs_its_model_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["sample", "--judge-url", "http://127.0.0.1:9", "--out", str(tmp_path)])

    assert result.exit_code == 2
    assert "--judge-model" in result.stderr
