"""Which parser gets a file, and which files none gets."""

import io
import zipfile

import pytest

from ingestion.parsing.media_types import MediaType
from ingestion.parsing.sniff import sniff
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode


def word_file(**extra: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
        for name, content in extra.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "filename", "expected"),
    [
        (b"# Title", "a.md", MediaType.MARKDOWN),
        (b"<html><p>x", "a.txt", MediaType.TEXT),
        (b"<!DOCTYPE html><p>x", "page", MediaType.HTML),
        (b"just words", "notes", MediaType.TEXT),
        (b"%PDF-1.7 ...", "a.pdf", MediaType.PDF),
        (b"junk before\n%PDF-1.4", "a.pdf", MediaType.PDF),
        (b'{"id": "1", "text": "x"}', "1.row.json", MediaType.ROW),
        ("größe".encode("utf-16"), "a.txt", MediaType.TEXT),
        (b"BM is short for benchmark", "a.txt", MediaType.TEXT),
        (word_file(), "a.docx", MediaType.DOCX),
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
        (b"<html>not found", "a.docx", ReasonCode.DAMAGED),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.pdf", ReasonCode.TYPE_MISMATCH),
        (b"MZ\x90\x00\x03\x00\x00\x00", "a.txt", ReasonCode.TYPE_MISMATCH),
        (b"MZ\x90\x00\x03\x00\x00\x00", "a.exe", ReasonCode.UNSUPPORTED_TYPE),
        (b"a,b\n1,2", "a.csv", ReasonCode.UNSUPPORTED_TYPE),
        (b"PK\x03\x04 cut off", "a.docx", ReasonCode.DAMAGED),
        (bytes(range(256)) * 8, "a.pdf", ReasonCode.DAMAGED),
        (word_file(**{"word/vbaProject.bin": b"x"}), "a.docx", ReasonCode.TYPE_MISMATCH),
        (word_file(), "a.pdf", ReasonCode.TYPE_MISMATCH),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "a.docx",
            ReasonCode.NEEDS_PASSWORD,
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old word file", "a.docx", ReasonCode.TYPE_MISMATCH),
    ],
)
def test_what_is_not_read_is_rejected_with_its_reason(content: bytes, filename: str, reason: ReasonCode) -> None:
    with pytest.raises(DocumentRejected) as caught:
        sniff(io.BytesIO(content), filename)

    assert caught.value.reason is reason
