"""Pages without a text layer: what becomes of them with tesseract, without it, and when it misbehaves."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingestion.parsing.isolation.wire import pack_document, unpack_document
from ingestion.parsing.ocr.pages import in_words
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.parsing_values import kinds, outcome, read, zipped
from tests.unit.ingestion.scans import limits, needs_tesseract, pdf, program, saying

OPENING = "The car park of the Lindenhof opens at six\nand closes at half past ten in the evening."
RATES = "Every hour costs two coins. A lost ticket\nis paid for like a whole day."
MIXED = pdf("A page with a text layer.", f"scan:{OPENING}", "", f"scan:{RATES}")


def text_of(document: ParsedDocument, page: int) -> str:
    return " ".join(block.span.of(document.text) for block in document.blocks if block.page == page)


@needs_tesseract
def test_scanned_pages_are_read_in_their_place_and_empty_ones_are_no_matter() -> None:
    document = read(MIXED, "a.pdf", limits())

    assert [block.page for block in document.blocks] == [1, 2, 4]
    assert text_of(document, 2) == OPENING.replace("\n", " ")
    assert text_of(document, 4) == RATES.replace("\n", " ")
    assert (document.page_count, document.warnings, document.ocr_languages) == (4, (), "eng")


@needs_tesseract
def test_a_recognised_paragraph_stands_where_it_stands_on_the_page() -> None:
    recognised, written = (read(pdf(kind + OPENING), "a.pdf", limits()).blocks[0].bbox for kind in ("scan:", ""))

    assert recognised and written
    assert recognised == pytest.approx(written, abs=4)


@needs_tesseract
@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_that_was_scanned_on_its_side_is_read(turned: int) -> None:
    document = read(pdf(f"scan:{OPENING}\n{RATES}", turned=turned), "a.pdf", limits())

    assert "closes at half past ten" in document.text


@needs_tesseract
def test_a_scan_inside_an_archive_is_read() -> None:
    document = read(zipped({"letter.pdf": pdf(f"scan:{OPENING}")}), "a.zip", limits())

    assert "The car park of the Lindenhof" in document.text
    assert document.ocr_languages == "eng"


def test_without_tesseract_the_pages_are_named() -> None:
    document = read(MIXED, "a.pdf")

    assert document.text == "A page with a text layer."
    assert document.ocr_languages == ""
    [warning] = document.warnings
    assert warning.startswith("without a text layer: pages 2 and 4; not read, because text recognition")


def test_without_tesseract_a_scan_is_refused_as_having_no_text_and_says_which_pages() -> None:
    with pytest.raises(DocumentRejected, match="pages 1-2; not read, because text recognition") as caught:
        read(pdf("scan:one", "scan:two"), "a.pdf")

    assert caught.value.reason is ReasonCode.NO_TEXT


def test_a_mail_or_archive_whose_scans_were_left_unread_says_so() -> None:
    document = read(zipped({"a.md": "Words.", "letter.pdf": pdf("scan:one")}), "a.zip")

    assert document.ocr_languages == ""
    assert "letter.pdf" in document.warnings[0] and "tesseract" in document.warnings[0]


def test_a_document_with_a_text_layer_has_nothing_to_do_with_recognition() -> None:
    assert read(pdf("A page with a text layer.", ""), "a.pdf", limits("/no/such/program")).ocr_languages is None


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$", "cat > /dev/null; echo oddities; exit 1"])
def test_a_crash_leaves_out_its_page_with_a_warning(tmp_path: Path, script: str) -> None:
    document = read(MIXED, "a.pdf", limits(program(tmp_path, script)))

    assert document.text == "A page with a text layer."
    assert document.warnings == ("without a text layer: pages 2 and 4; text recognition failed",)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that were started: one that is stopped soon may not come to say so itself."""
    started: list[str] = []
    run = subprocess.run

    def noting(command: Sequence[str], **options: Any) -> Any:
        started.append(command[0])
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", noting)
    return started


def test_a_hang_leaves_out_its_page_and_ends_with_it(tmp_path: Path, starts: list[str]) -> None:
    hanging = program(tmp_path, "exec sleep 600")

    document = read(MIXED, "a.pdf", limits(hanging, page_s=0.5))

    assert document.warnings == (
        "without a text layer: pages 2 and 4; text recognition was stopped because it took too long",
    )
    assert starts == [str(hanging)] * 2


def test_when_the_time_of_the_file_is_over_no_more_pages_are_begun(tmp_path: Path, starts: list[str]) -> None:
    hanging = program(tmp_path, "exec sleep 600")

    read(MIXED, "a.pdf", limits(hanging, file_s=0.5))

    assert starts == [str(hanging)]


def test_a_program_that_is_gone_leaves_out_its_pages() -> None:
    assert read(MIXED, "a.pdf", limits("/no/such/program")).warnings == (
        "without a text layer: pages 2 and 4; text recognition failed",
    )


def test_what_is_hardly_believed_is_left_out_and_what_is_doubted_is_named(tmp_path: Path) -> None:
    unsure = saying(tmp_path, "1 1 1 1 300 600 90 30 50 Perhaps", "1 2 1 1 300 900 90 30 20 noise")

    document = read(pdf("scan:x"), "a.pdf", limits(unsure))

    assert document.text == "Perhaps"
    assert document.warnings == ("without a text layer: page 1; recognised with many doubts; some words may be wrong",)


def test_marks_without_a_letter_and_page_numbers_are_no_text(tmp_path: Path) -> None:
    marks = saying(tmp_path, "1 1 1 1 300 600 90 30 90 |", "1 2 1 1 300 2400 90 30 95 17")

    assert outcome(pdf("scan:x"), "a.pdf", limits(marks)) is ReasonCode.NO_TEXT


def test_paragraphs_lists_and_tables_are_formed_and_headings_are_not_guessed(tmp_path: Path) -> None:
    rows = [f"2 1 {row} {word} {left} {700 + 60 * row} 90 30 95 {text}" for row in range(1, 4)
            for word, left, text in ((1, 300, f"item{row}"), (2, 900, f"{row}0"))]  # fmt: skip
    found = saying(
        tmp_path,
        "1 1 1 1 300 400 300 90 95 LARGE",
        "1 2 1 1 300 500 20 20 95 ¢", "1 2 1 2 340 500 90 30 95 First",
        "1 2 2 1 300 560 20 20 95 ¢", "1 2 2 2 340 560 90 30 95 Second",
        *rows,
    )  # fmt: skip

    assert kinds(read(pdf("scan:x"), "a.pdf", limits(found))) == [
        (BlockKind.PARAGRAPH, "LARGE"),
        (BlockKind.LIST_ITEM, "• First"),
        (BlockKind.LIST_ITEM, "• Second"),
        (BlockKind.TABLE, "item1 | 10\nitem2 | 20\nitem3 | 30"),
    ]


def test_running_titles_of_scanned_pages_are_left_out(tmp_path: Path) -> None:
    titled = saying(tmp_path, "1 1 1 1 300 60 90 30 95 Handbook", "1 2 1 1 300 900 90 30 95 Words")

    document = read(pdf(*["scan:x"] * 4), "a.pdf", limits(titled))

    assert document.text == "\n\n".join(["Words"] * 4)


def test_a_scan_with_a_stamp_on_every_page_is_still_a_scan(tmp_path: Path) -> None:
    reading = limits(saying(tmp_path, "1 2 1 1 300 900 90 30 95 Words"))

    assert read(pdf(*["scan:x"] * 4, stamp="Received 4711"), "a.pdf", reading).text.count("Words") == 4


def test_a_page_with_nothing_but_a_running_title_is_no_scan(tmp_path: Path) -> None:
    reading = limits(saying(tmp_path, "1 2 1 1 300 900 90 30 95 Words"))

    document = read(pdf("Apples ripen.", "", "", "", stamp="Chapter 1"), "a.pdf", reading)

    assert (document.text, document.ocr_languages, document.warnings) == ("Apples ripen.", None, ())


def test_what_is_stamped_on_a_page_with_a_running_title_is_read(tmp_path: Path) -> None:
    reading = limits(saying(tmp_path, "1 2 1 1 300 900 90 30 95 Words"))

    document = read(pdf("Apples ripen.", *["note:Paid."] * 3, stamp="Chapter 1"), "a.pdf", reading)

    assert document.text.count("Words") == 3


def test_the_program_gets_one_thread_and_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_SECURITY__SECRET", "secret")
    nosy = program(tmp_path, f"cat > /dev/null; /usr/bin/env > {tmp_path / 'seen'}; exit 1")

    read(MIXED, "a.pdf", limits(nosy))

    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "OMP_THREAD_LIMIT=1" in seen and "secret" not in seen


@pytest.mark.parametrize("languages", ["eng; drop", "é", "x" * 201, 7])
def test_what_the_process_says_of_languages_is_checked(languages: object) -> None:
    values = pack_document(read(MIXED, "a.pdf"))

    assert unpack_document(values).ocr_languages == ""
    with pytest.raises(ValueError, match="no languages"):
        unpack_document(values | {"ocr_languages": languages})


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ([4], "page 4"),
        ([3, 4], "pages 3-4"),
        ([3, 4, 5, 9, 12, 13], "pages 3-5, 9 and 12-13"),
        (list(range(1, 200, 2)), "100 in all"),
    ],
)
def test_pages_are_named_in_few_words(pages: list[int], words: str) -> None:
    assert in_words(pages).endswith(words)
