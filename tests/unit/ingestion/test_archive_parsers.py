"""Archives of documents, and books."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import docx
import pytest

from rag_service.domain.documents import BlockKind
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.outlook_files import msg
from tests.unit.ingestion.parsing_values import LIMITS, headings, kinds, read, refusal, zipped

MIB = 2**20


def word(text: str) -> bytes:
    document, buffer = docx.Document(), io.BytesIO()
    document.add_paragraph(text)
    document.save(buffer)
    return buffer.getvalue()


def test_an_archive_is_a_section_per_member() -> None:
    content = zipped(
        {"docs/guide.md": "# Guide\n\nRead me.", "docs/letter.docx": word("Dear Ann"), "rows.csv": "a,b\n1,2"}
    )

    document = read(content, "a.zip")

    assert document.title is None
    assert kinds(document) == [
        (BlockKind.HEADING, "docs/guide.md"),
        (BlockKind.HEADING, "Guide"),
        (BlockKind.PARAGRAPH, "Read me."),
        (BlockKind.HEADING, "docs/letter.docx"),
        (BlockKind.PARAGRAPH, "Dear Ann"),
        (BlockKind.HEADING, "rows.csv"),
        (BlockKind.TABLE, "a | b\n1 | 2"),
    ]
    assert headings(document)[:2] == [(1, "docs/guide.md"), (2, "Guide")]


def test_members_that_cannot_be_read_are_named_and_the_others_are_read() -> None:
    members = {"a.png": b"\x89PNG\r\n", "b.pdf": b"%PDF-1.7 cut", "c.txt": "Words.", "d.txt": "", "e/": ""}

    document = read(zipped(members), "a.zip")

    assert document.text == "c.txt\n\nWords."
    assert [warning.split(" was")[0] for warning in document.warnings] == ["a.png", "b.pdf", "d.txt"]


def test_what_systems_leave_in_archives_is_skipped_without_a_word() -> None:
    junk = dict.fromkeys(["__MACOSX/._a.txt", ".DS_Store", "x/Thumbs.db", "~$letter.docx"], b"junk")

    document = read(zipped({"a.txt": "Words.", **junk}), "a.zip")

    assert (document.text, document.warnings) == ("a.txt\n\nWords.", ())


def test_an_archive_in_an_archive_is_named_and_not_opened() -> None:
    document = read(zipped({"a.txt": "Words.", "in.zip": zipped({"b.txt": "Hidden."})}), "a.zip")

    assert "Hidden" not in document.text
    assert document.warnings == ("in.zip was not read: unsupported_type: an archive inside another file",)


def test_a_mail_in_an_archive_is_read_without_its_attachments() -> None:
    document = read(zipped({"m.msg": msg("Hours", "At nine.", {"deep.txt": b"deep"})}), "a.zip")

    assert "At nine." in document.text
    assert "deep.txt was not read" in document.warnings[0]


def test_an_archive_of_which_nothing_can_be_read_has_no_text() -> None:
    assert refusal(zipped({"a.png": b"\x89PNG\r\n"}), "a.zip") is ReasonCode.NO_TEXT
    assert refusal(zipped({}), "a.zip") is ReasonCode.NO_TEXT


def test_a_damaged_member_is_named() -> None:
    content = bytearray(zipped({"good.txt": "Good words.", "bad.txt": "Bad words, many of them. " * 9}))
    content[content.index(b"bad.txt") + 12] ^= 0xFF

    document = read(bytes(content), "a.zip")

    assert document.text == "good.txt\n\nGood words."
    assert document.warnings[0].startswith("bad.txt was not read: damaged")


def test_many_unread_members_are_counted() -> None:
    document = read(zipped({"a.txt": "Words.", **{f"{n}.png": b"\x89PNG\r\n" for n in range(80)}}), "a.zip")

    assert (len(document.warnings), document.warnings[-1]) == (51, "30 more were not read")


@pytest.mark.parametrize("name", ["../up.txt", "/var/up.txt", "a/../../up.txt", "..\\up.txt", "C:\\up.txt"])
def test_names_that_lead_outside_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert refusal(zipped({name: "x", "a.txt": "y"}), "a.zip") is ReasonCode.DAMAGED
    assert list(tmp_path.parent.rglob("up.txt")) == []


def test_links_are_refused() -> None:
    assert refusal(zipped({"a.txt": "x"}, link="etc.txt"), "a.zip") is ReasonCode.DAMAGED


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_occur_twice_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "one")
        archive.writestr("a.txt", "two")

    assert refusal(buffer.getvalue(), "a.zip") is ReasonCode.DAMAGED


def test_locked_members_need_a_password() -> None:
    content = bytearray(zipped({"a.txt": "x"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    assert refusal(bytes(content), "a.zip") is ReasonCode.NEEDS_PASSWORD


@pytest.mark.parametrize(
    "members",
    [
        {"big.txt": bytes(2 * MIB)},
        {f"{n}.txt": bytes(2**20) for n in range(9)},
        {f"{n}.txt": b"" for n in range(101)},
    ],
    ids=["ratio", "sum", "entries"],
)
def test_bombs_are_refused(members: dict[str, bytes]) -> None:
    assert refusal(zipped(members), "a.zip") is ReasonCode.ARCHIVE_BOMB


def test_what_members_unpack_to_counts_for_the_sum() -> None:
    inner = zipped({"word/document.xml": "<w/>", "word/big.bin": bytes(1000) + bytes(range(256)) * 2000})
    limits = replace(LIMITS, max_unpacked_bytes=600_000)

    document = read(zipped({"a.txt": "Words.", "a.docx": inner, "b.docx": inner}), "a.zip", limits)

    assert [w for w in document.warnings if "archive_bomb" in w]


def test_the_text_of_all_members_counts_for_the_limit() -> None:
    members = {f"{n}.txt": "word " * 10_000 for n in range(3)}

    assert refusal(zipped(members), "a.zip") is ReasonCode.TOO_LARGE


def test_names_in_utf8_without_the_flag_are_read() -> None:
    content = zipped({"xxxx.txt": "Words."}).replace(b"xxxx.txt", "Öß.txt".encode())

    assert headings(read(content, "a.zip")) == [(1, "Öß.txt")]


def test_a_word_file_in_the_strict_dialect_is_read() -> None:
    with zipfile.ZipFile(io.BytesIO(word("Dear Ann"))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    strict = {
        name: content.replace(
            b"schemas.openxmlformats.org/wordprocessingml/2006", b"purl.oclc.org/ooxml/wordprocessingml"
        ).replace(b"schemas.openxmlformats.org/officeDocument/2006", b"purl.oclc.org/ooxml/officeDocument")
        for name, content in members.items()
    }

    assert read(zipped(strict), "a.docx").text == "Dear Ann"


CONTAINER = '<container xmlns="c"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
PAGE = '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'


def book(chapters: dict[str, str], **extra: str) -> dict[str, bytes | str]:
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    package = (
        '<package xmlns="p" xmlns:dc="d"><metadata><dc:title>Two Ducks</dc:title></metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    pages: dict[str, bytes | str] = {
        f"OPS/{name}.xhtml": PAGE.format(text) for name, text in reversed(chapters.items())
    }
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package,
        **pages,
        **extra,
    }


def test_a_book_is_its_chapters_in_the_order_of_its_spine() -> None:
    document = read(zipped(book({"two": "<h1>Second</h1><p>More.</p>", "one": "<h1>First</h1><p>Some.</p>"})), "a.epub")

    assert document.title == "Two Ducks"
    assert document.text == "Second\n\nMore.\n\nFirst\n\nSome."


def test_a_chapter_that_is_missing_is_named() -> None:
    members = book({"one": "<p>Some.</p>", "two": "<p>More.</p>"})
    del members["OPS/two.xhtml"]

    document = read(zipped(members), "a.epub")

    assert (document.text, document.warnings) == ("Some.", ("OPS/two.xhtml is missing from the book",))


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", ReasonCode.NEEDS_PASSWORD),
        ("http://www.idpf.org/2008/embedding", None),
    ],
)
def test_a_locked_book_needs_a_password_and_scrambled_fonts_do_not(method: str, reason: ReasonCode | None) -> None:
    encryption = (
        f'<encryption xmlns="e"><EncryptedData><EncryptionMethod Algorithm="{method}"/></EncryptedData></encryption>'
    )
    content = zipped(book({"one": "<p>Some.</p>"}, **{"META-INF/encryption.xml": encryption}))

    if reason is None:
        assert read(content, "a.epub").text == "Some."
    else:
        assert refusal(content, "a.epub") is reason


def test_a_book_that_declares_entities_is_refused() -> None:
    container = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + CONTAINER.replace("OPS", "&b;")

    assert (
        refusal(zipped({**book({"one": "x"}), "META-INF/container.xml": container}), "a.epub")
        is ReasonCode.ARCHIVE_BOMB
    )


def test_entities_of_files_in_a_chapter_are_not_opened() -> None:
    page = '<!DOCTYPE html [<!ENTITY s SYSTEM "file:///etc/passwd">]><html><body><p>Some &s; words.</p></body></html>'

    text = read(zipped(book({"one": ""}, **{"OPS/one.xhtml": page})), "a.epub").text

    assert "root:" not in text
    assert "words." in text


def test_a_book_without_a_package_is_damaged() -> None:
    members = book({"one": "<p>x</p>"})
    del members["OPS/book.opf"]

    assert refusal(zipped(members), "a.epub") is ReasonCode.DAMAGED
