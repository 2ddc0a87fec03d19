"""The handbook: true to its sources, to the reason codes and to its golden questions."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import docx
import pypdfium2
import pytest

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.read import read_document
from rag_service.reasons import ADVICE
from rag_service.sample import chapters, golden_questions
from rag_service.settings import read_settings

SOURCES = Path(__file__).parents[2] / "docs" / "handbook"
GOLDEN = [json.loads(line) for line in golden_questions().read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("handbook_build", SOURCES / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    found = {}
    for path in chapters():
        with path.open("rb") as file:
            found[path.name] = read_document(file, path.name, ParsingLimits()).text
    return found


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def chapter(name: str) -> Path:
    return next(path for path in chapters() if path.name == name)


def test_the_word_chapter_says_what_its_source_says(build: ModuleType) -> None:
    written = "\n".join(paragraph.text for paragraph in docx.Document(str(chapter("05-versions.docx"))).paragraphs)

    assert words(written) == words((SOURCES / "05-versions.md").read_text(encoding="utf-8"))


def test_the_pdf_chapter_says_what_its_source_says() -> None:
    with pypdfium2.PdfDocument(chapter("06-access.pdf")) as document:
        written = "\n".join(page.get_textpage().get_text_range() for page in document)

    assert words(written) == words((SOURCES / "06-access.md").read_text(encoding="utf-8"))


def test_building_a_chapter_twice_gives_the_same_bytes(build: ModuleType, tmp_path: Path) -> None:
    markdown = (SOURCES / "05-versions.md").read_text(encoding="utf-8")

    build.write_docx(markdown, tmp_path / "one.docx")
    build.write_docx(markdown, tmp_path / "two.docx")

    assert (tmp_path / "one.docx").read_bytes() == (tmp_path / "two.docx").read_bytes()


def test_chapters_come_in_the_formats_that_most_people_upload() -> None:
    assert {path.suffix for path in chapters()} == {".md", ".html", ".docx", ".pdf"}


@pytest.mark.parametrize("reason", list(ADVICE))
def test_every_reason_code_is_explained_as_the_service_explains_it(reason: str) -> None:
    assert f"- `{reason}`: {ADVICE[reason]}\n" in chapter("04-uploading.md").read_text(encoding="utf-8")


def test_every_setting_the_handbook_names_exists(texts: dict[str, str]) -> None:
    named = set(re.findall(r"\bRAG_[A-Z_]+", " ".join(texts.values()))) - {"RAG_"}

    read_settings(dict.fromkeys(named, ""))


@pytest.mark.parametrize("question", [one for one in GOLDEN if one["answerable"]], ids=lambda one: one["id"])
def test_the_quote_of_a_golden_question_is_in_its_chapter(question: dict[str, str], texts: dict[str, str]) -> None:
    assert question["quote"] in texts[question["document"]]


def test_golden_questions_have_ids_of_their_own_and_some_have_no_answer() -> None:
    assert len({one["id"] for one in GOLDEN}) == len(GOLDEN)
    assert sum(not one["answerable"] for one in GOLDEN) >= 8
