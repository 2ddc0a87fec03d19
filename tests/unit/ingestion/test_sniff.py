"""Which parser gets a file, and which files none gets."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.media_types import ENDINGS, UNSUPPORTED_ENDINGS, MediaType
from ingestion.parsing.sniff import sniff
from rag_service.domain.file_endings import READ_ENDINGS
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.outlook_files import msg, ole
from tests.unit.ingestion.parsing_values import read, zipped

ODS = "application/vnd.oasis.opendocument.spreadsheet"
OLD_WORD = ole({"WordDocument": b"text"})
SIGNED_MAIL = b"MIME-Version: 1.0\r\nContent-Type:\r\n multipart/signed; boundary=x\r\n\r\n"
DAMAGED_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def word_file(**extra: bytes) -> bytes:
    return zipped({"word/document.xml": b"<w/>", **extra})


@pytest.mark.parametrize(
    ("content", "filename", "expected"),
    [
        (b"# Title", "a.md", MediaType.MARKDOWN),
        (b"<html><p>x", "a.txt", MediaType.TEXT),
        (b"<!DOCTYPE html><p>x", "page", MediaType.HTML),
        (b'<?xml version="1.0"?>\n<html xmlns="x"><p>x', "page", MediaType.HTML),
        ("\ud604\ub300".encode("iso2022_kr") * 20, "a.txt", MediaType.TEXT),
        (b"just words", "notes", MediaType.TEXT),
        (b"%PDF-1.7 ...", "a.pdf", MediaType.PDF),
        (b"junk before\n%PDF-1.4", "a.pdf", MediaType.PDF),
        (b'{"id": "1", "text": "x"}', "1.row.json", MediaType.ROW),
        ("größe".encode("utf-16"), "a.txt", MediaType.TEXT),
        (b"BM is short for benchmark", "a.txt", MediaType.TEXT),
        (b"a,b\n1,2", "a.csv", MediaType.CSV),
        (b"a\tb\n1\t2", "a.TSV", MediaType.TSV),
        (b"{}", "a.json", MediaType.JSON),
        (b"{}\n{}", "a.ndjson", MediaType.JSONL),
        (b"Title\n=====", "a.rst", MediaType.RST),
        (b"From: a@b\n\nHello", "a.eml", MediaType.EML),
        (SIGNED_MAIL, "a.p7s", MediaType.EML),
        (b"MIME-Version: 1.0\n\nContent-Type: multipart/signed", "a.p7s", MediaType.TEXT),
        (b"<x>1</x>", "a.xml", MediaType.XML),
        (b'<?xml version="1.0"?><article>', "a.dita", MediaType.XML),
        (b'<!DOCTYPE article PUBLIC "x"><article>', "a.nxml", MediaType.XML),
        (b"<!DOCTYPE html><p>x", "a.xml", MediaType.HTML),
        (b"* Title", "a.org", MediaType.ORG),
        (b"{\\rtf1 Hello}", "a.rtf", MediaType.RTF),
        (b"{\\rtf1 Hello}", "letter", MediaType.RTF),
        (msg("Hi", "Hello"), "a.msg", MediaType.MSG),
        (msg("Hi", "Hello"), "mail", MediaType.MSG),
        (word_file(), "a.docx", MediaType.DOCX),
        (zipped({"word/document2.xml": "<w/>"}), "a.docx", MediaType.DOCX),
        (zipped({"ppt/presentation.xml": "<p/>"}), "a.pptx", MediaType.PPTX),
        (zipped({"xl/workbook.xml": "<w/>"}), "a.xlsx", MediaType.XLSX),
        (zipped({"mimetype": "application/epub+zip"}), "a.epub", MediaType.EPUB),
        (zipped({"META-INF/container.xml": "<c/>"}), "by-hand.epub", MediaType.EPUB),
        (zipped({"mimetype": "application/vnd.oasis.opendocument.text"}), "a.odt", MediaType.ODT),
        (zipped({"a.txt": "x"}), "a.zip", MediaType.ZIP),
        (zipped({"a.txt": "x"}), "download", MediaType.ZIP),
        (zipped({}), "empty.zip", MediaType.ZIP),
        (zipped({"word/document.xml": "<w/>", "xl/workbook.xml": "<w/>"}), "both.xlsx", MediaType.XLSX),
    ],
)
def test_bytes_decide_and_the_ending_tells_texts_apart(content: bytes, filename: str, expected: MediaType) -> None:
    assert sniff(io.BytesIO(content), filename) is expected


@pytest.mark.parametrize(
    ("content", "filename", "reason"),
    [
        (b"", "a.txt", ReasonCode.EMPTY_FILE),
        (b"%PDF-1.7", "a.md", ReasonCode.TYPE_MISMATCH),
        (b"only words", "a.pdf", ReasonCode.DAMAGED),
        (b"only words", "a.msg", ReasonCode.DAMAGED),
        (b"only words", "a.zip", ReasonCode.DAMAGED),
        (b"<html>not found", "a.docx", ReasonCode.DAMAGED),
        (b"<html>not found", "a.csv", ReasonCode.TYPE_MISMATCH),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.pdf", ReasonCode.TYPE_MISMATCH),
        (b"MZ\x90\x00\x03\x00\x00\x00", "a.txt", ReasonCode.TYPE_MISMATCH),
        (b"MZ\x90\x00\x03\x00\x00\x00", "a.exe", ReasonCode.UNSUPPORTED_TYPE),
        (b'<?xml version="1.0"?><svg>', "a.svg", ReasonCode.UNSUPPORTED_TYPE),
        (b'<?xml version="1.0"?><w:wordDocument>', "a.doc", ReasonCode.UNSUPPORTED_TYPE),
        (b"%PDF-1.7", "a.xml", ReasonCode.TYPE_MISMATCH),
        (b"PK\x03\x04 cut off", "a.docx", ReasonCode.DAMAGED),
        (b"PK\x03\x04 cut off", "a.txt", ReasonCode.TYPE_MISMATCH),
        (bytes(range(256)) * 8, "a.pdf", ReasonCode.DAMAGED),
        (word_file(**{"word/vbaProject.bin": b"x"}), "a.docx", ReasonCode.UNSUPPORTED_TYPE),
        (word_file(**{"word/vbaProject.bin": b"x"}), "a.docm", ReasonCode.UNSUPPORTED_TYPE),
        (word_file(), "a.docm", ReasonCode.UNSUPPORTED_TYPE),
        (zipped({"xl/workbook.xml": "", "xl/vbaProject.bin": "x"}), "a.xlsm", ReasonCode.UNSUPPORTED_TYPE),
        (zipped({"mimetype": ODS}), "a.ods", ReasonCode.UNSUPPORTED_TYPE),
        (zipped({"mimetype": ODS}), "a.odt", ReasonCode.TYPE_MISMATCH),
        (zipped({"Index/Document.iwa": "x"}), "a.pages", ReasonCode.UNSUPPORTED_TYPE),
        (word_file(), "a.pdf", ReasonCode.TYPE_MISMATCH),
        (word_file(), "a.zip", ReasonCode.TYPE_MISMATCH),
        (word_file(), "a.xlsx", ReasonCode.TYPE_MISMATCH),
        (b"{\\rtf1 Hello}", "a.doc", ReasonCode.TYPE_MISMATCH),
        (b"{\\rtf1 Hello}", "a.txt", ReasonCode.TYPE_MISMATCH),
        (ole({"EncryptedPackage": b"x"}), "a.docx", ReasonCode.NEEDS_PASSWORD),
        (DAMAGED_OLE + "EncryptedPackage".encode("utf-16-le"), "a.docx", ReasonCode.NEEDS_PASSWORD),
        (OLD_WORD, "a.docx", ReasonCode.TYPE_MISMATCH),
        (OLD_WORD, "a.doc", ReasonCode.UNSUPPORTED_TYPE),
        (msg("Hi", "Hello"), "a.doc", ReasonCode.TYPE_MISMATCH),
        (DAMAGED_OLE + b" cut off", "a.msg", ReasonCode.DAMAGED),
    ],
)
def test_what_is_not_read_is_rejected_with_its_reason(content: bytes, filename: str, reason: ReasonCode) -> None:
    with pytest.raises(DocumentRejected) as caught:
        sniff(io.BytesIO(content), filename)

    assert caught.value.reason is reason


def test_a_mail_that_carries_an_encrypted_file_is_a_mail() -> None:
    mail = msg("Hi", "Hello", {"locked.docx": ole({"EncryptedPackage": b"x"})})

    assert sniff(io.BytesIO(mail), "a.msg") is MediaType.MSG


def test_a_pdf_that_is_an_archive_too_is_what_it_begins_with() -> None:
    content = b"%PDF-1.7\n" + zipped({"a.txt": "x"})

    assert zipfile.is_zipfile(io.BytesIO(content))
    assert sniff(io.BytesIO(content), "a.pdf") is MediaType.PDF


def test_people_may_upload_what_is_read() -> None:
    assert {*READ_ENDINGS, ".row.json"} == set(ENDINGS)


STARTS = [b"", b"PK\x03\x04", b"PK\x05\x06", DAMAGED_OLE, b"%PDF-", b"{\\rtf", zipped({"a": "b"}), msg("Hi", "x")]
NAMES = sorted({*ENDINGS, *UNSUPPORTED_ENDINGS, "", ".", ".odd"})


@given(st.sampled_from(STARTS), st.binary(max_size=600), st.sampled_from(NAMES), st.integers(0, 4000))
def test_no_bytes_make_it_fail_other_than_by_a_reason(start: bytes, rest: bytes, ending: str, place: int) -> None:
    content = start[:place] + rest + start[place:]
    file = io.BytesIO(content)

    try:
        kind = sniff(file, f"a{ending}")
    except DocumentRejected:
        return

    assert isinstance(kind, MediaType)
    assert file.tell() == 0


@pytest.mark.parametrize("text", ["BMW-Händler in München", "MZ-Fahrer müde", "ID3 für Musik", "RIFF über"])
def test_words_that_begin_like_the_magic_of_a_picture_are_text_in_any_language(text: str) -> None:
    assert read(text, "a.txt").text == text
