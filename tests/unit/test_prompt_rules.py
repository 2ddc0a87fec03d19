"""The rules that a language model answers by: which they are, and what they are called."""

from pathlib import Path

import pytest

from rag_service.errors import Misconfigured
from rag_service.generation.openai_compatible import OpenAICompatibleGenerator
from rag_service.generation.prompt import read_rules
from rag_service.settings import GenerationSettings


def written(folder: Path, text: str) -> str:
    file = folder / "strict.txt"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_the_services_own_rules_ask_for_marks_and_let_the_model_decline() -> None:
    rules = read_rules()

    assert rules.version.startswith("answer_v1-")
    assert "[2]" in rules.text and "NO_ANSWER" in rules.text


def test_a_file_takes_their_place_and_names_them(tmp_path: Path) -> None:
    settings = GenerationSettings(backend="openai", prompt_file=written(tmp_path, "Answer in rhymes.\n"))

    assert OpenAICompatibleGenerator(settings).prompt_version.startswith("strict-")


def test_rules_that_were_edited_are_other_rules(tmp_path: Path) -> None:
    before = read_rules(written(tmp_path, "Never guess."))

    after = read_rules(written(tmp_path, "Always guess."))

    assert (before.name, before.version == after.version) == (after.name, False)


def test_rules_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="RAG_GENERATION__PROMPT_FILE"):
        read_rules(str(tmp_path / "absent.txt"))
    with pytest.raises(Misconfigured, match="is empty"):
        read_rules(written(tmp_path, " \n"))
