"""The Dockerfile, as far as it can be checked without an engine."""

import fnmatch
import re
from pathlib import Path

import pytest

from tests.unit.infra.dockerfiles import DOCKERFILE, ROOT, Stage, effective, last, stages
from tests.unit.infra.programs import IMAGE_FILES, exists

TARGETS = ["api", "worker", "eval"]


@pytest.fixture(scope="module")
def found() -> dict[str, Stage]:
    return stages(DOCKERFILE.read_text(encoding="utf-8"))


def copied(found: dict[str, Stage]) -> list[str]:
    copies = [step for stage in found.values() for step in stage.instructions if step.name == "COPY"]
    return [source for copy in copies if "from" not in copy.flags for source in copy.words[:-1]]


def is_ignored(path: str) -> bool:
    """Say what .dockerignore does with a path: the last pattern that covers it or a folder above it decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip().removeprefix("!")
        if pattern and not pattern.startswith("#") and _covers(pattern, path):
            ignored = not line.startswith("!")
    return ignored


def _covers(pattern: str, path: str) -> bool:
    ours = [path, *(str(parent) for parent in Path(path).parents)][:-1]
    patterns = [pattern, pattern.removeprefix("**/")]
    return any(fnmatch.fnmatchcase(part, one) for part in ours for one in patterns)


def test_every_target_is_the_end_of_the_file(found: dict[str, Stage]) -> None:
    assert list(found)[-3:] == TARGETS


def test_every_stage_builds_on_a_pinned_image_or_on_another_stage(found: dict[str, Stage]) -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")

    assert "ARG PYTHON=python:3.11-slim-bookworm\n" in text
    assert {stage.base for stage in found.values()} <= {"${PYTHON}", *found}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_as_a_user_with_a_number_that_is_not_root(found: dict[str, Stage], target: str) -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last(effective(found, target), "USER").text)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_starts_a_program_that_exists_without_a_shell(found: dict[str, Stage], target: str) -> None:
    steps = effective(found, target)
    command = last(steps, "CMD").exec_form

    assert last(steps, "ENTRYPOINT").exec_form == ["tini", "--"]
    assert command is not None
    assert exists(command)
    assert steps[-1] == last(steps, "CMD")


@pytest.mark.parametrize("target", TARGETS)
def test_what_serves_is_asked_how_it_is(found: dict[str, Stage], target: str) -> None:
    check = last(effective(found, target), "HEALTHCHECK").exec_form

    assert check is not None
    assert exists(check)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_has_a_stop_signal_and_labels(found: dict[str, Stage], target: str) -> None:
    steps = effective(found, target)

    assert last(steps, "STOPSIGNAL").text == "SIGTERM"
    assert "org.opencontainers.image.licenses" in " ".join(step.text for step in steps if step.name == "LABEL")


def test_what_is_copied_is_there_and_reaches_the_engine(found: dict[str, Stage]) -> None:
    sources = copied(found)

    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if is_ignored(source)] == []


@pytest.mark.parametrize(
    "path", ["data", ".venv/bin/python", "tests/running.py", "infra/compose/.env", "eval/__pycache__/run.cpython.pyc"]
)
def test_data_secrets_and_caches_do_not_reach_the_engine(path: str) -> None:
    assert is_ignored(path)


def test_the_health_check_is_copied_to_where_it_is_called(found: dict[str, Stage]) -> None:
    copies = [step.words for step in found["base"].instructions if step.name == "COPY"]

    assert copies == [[str(file.relative_to(ROOT)), place] for place, file in IMAGE_FILES.items()]


def test_no_package_cache_is_left_in_a_target(found: dict[str, Stage]) -> None:
    runs = [step.text for stage in found.values() for step in stage.instructions if step.name == "RUN"]

    assert all("rm -rf /var/lib/apt/lists/*" in run for run in runs if "apt-get install" in run)
    assert "PIP_NO_CACHE_DIR=1" in " ".join(step.text for step in found["full"].instructions if step.name == "ENV")


def test_only_the_targets_without_torch_answer_and_ingest(found: dict[str, Stage]) -> None:
    environments = {target: last(found[target].instructions, "COPY").flags["from"] for target in TARGETS}

    assert environments == {"api": "lean", "worker": "lean", "eval": "measuring"}


def test_the_model_is_exported_while_the_image_is_built(found: dict[str, Stage]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    export = "python -m rag_service.embedding.onnx_export"

    assert export in makefile
    assert any(export in step.text for step in found["full"].instructions)
