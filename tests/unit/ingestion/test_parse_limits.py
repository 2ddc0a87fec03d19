"""What a worker lets its parser use, by its settings and by what is installed."""

from pathlib import Path

import pytest

from ingestion.parse_limits import parsing_limits
from rag_service.errors import Misconfigured
from rag_service.settings import OcrSettings, ParsingSettings, Settings, read_settings
from tests.unit.ingestion.scans import program


@pytest.fixture
def tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that knows English and French, the only one that is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return program(tmp_path, "echo 'List of available languages (2):'; echo eng; echo fra")


def settings(**values: str) -> Settings:
    return Settings(ocr=OcrSettings.model_validate(values), parsing=ParsingSettings(max_pages=7))


def test_tesseract_is_used_where_it_is_installed(tesseract: Path) -> None:
    found = parsing_limits(settings(languages="fra+eng"))

    assert (found.ocr_program, found.ocr_languages, found.max_pages) == (str(tesseract), "fra+eng", 7)


def test_switched_off_it_is_not_used(tesseract: Path) -> None:
    assert parsing_limits(settings(mode="off")).ocr_program == ""


def test_where_it_is_not_installed_documents_are_read_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert parsing_limits(settings()).ocr_program == ""


def test_pandoc_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    without = parsing_limits(settings()).pandoc_program
    pandoc = program(tmp_path, "true").rename(tmp_path / "pandoc")

    assert (without, parsing_limits(settings()).pandoc_program) == ("", str(pandoc))


def test_a_pandoc_without_a_sandbox_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "echo 'unrecognized option --sandbox' >&2; exit 2").rename(tmp_path / "pandoc")

    assert parsing_limits(settings()).pandoc_program == ""


def test_a_worker_that_must_have_it_does_not_start_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Misconfigured, match="apt install tesseract-ocr"):
        parsing_limits(settings(mode="on"))


def test_a_missing_language_names_its_package(tesseract: Path) -> None:
    with pytest.raises(Misconfigured, match="apt install tesseract-ocr-chi-sim tesseract-ocr-deu"):
        parsing_limits(settings(languages="eng+deu+chi_sim"))


@pytest.mark.parametrize("languages", ["", "-c", "eng deu", "eng+", "../eng", "eng;deu"])
def test_what_is_no_name_of_a_language_stops_the_start(monkeypatch: pytest.MonkeyPatch, languages: str) -> None:
    monkeypatch.setenv("RAG_OCR__LANGUAGES", languages)

    with pytest.raises(Misconfigured, match="RAG_OCR__LANGUAGES"):
        read_settings()
