"""What is this file? Its bytes decide; the ending of its name only tells kinds of text apart, and must not lie."""

import re
from pathlib import Path
from typing import BinaryIO

from ingestion.parsing.containers.kinds import ole_kind, zip_kind
from ingestion.parsing.decoding import looks_like_text
from ingestion.parsing.media_types import ENDINGS, TEXTUAL, UNSUPPORTED_ENDINGS, MediaType
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

HEAD_BYTES = 8192
_PDF_HEADER_WITHIN = 1024  # readers accept junk of this length before the header

_PDF_PART = re.compile(rb"%PDF-|\d+ \d+ obj\b")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second begins an archive without members
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RTF = b"{\\rtf"
_PROLOGUE_BYTES = 1024
_HTML = (b"<!doctype html", b"<html")
_NEVER_PAGES = frozenset(
    {MediaType.CSV, MediaType.TSV, MediaType.JSON, MediaType.JSONL, MediaType.EML, MediaType.RST, MediaType.ORG}
)
_SIGNED_MAIL = re.compile(
    rb"\A(?:[!-9;-~]++:.*\n(?:[ \t].*\n)*)*?content-type[ \t]*:\s*multipart/signed\b", re.IGNORECASE
)

_FOREIGN: tuple[bytes, ...] = (
    b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"BM", b"RIFF",
    b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd", b"PK\x07\x08",
    b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"%!PS", b"SQLite format 3", b"OggS", b"ID3", b"wOFF", b"\x00asm",
)  # fmt: skip


def sniff(file: BinaryIO, filename: str) -> MediaType:
    """Return the type of the seekable `file`, which is left at its start.

    Raises:
        DocumentRejected: empty, of a kind that is not read, or other than its name says.
    """
    head = file.read(HEAD_BYTES)
    if not head:
        raise DocumentRejected(ReasonCode.EMPTY_FILE)
    ending = _ending(filename)
    claimed = ENDINGS.get(ending)
    found = _found(file, head, ending)
    file.seek(0)
    if found is None:
        raise DocumentRejected(_reason_for_unknown(head, claimed), f"ending {ending or 'none'}")
    if found is not MediaType.TEXT:
        return _agreed(found, claimed, ending)
    return _kind_of_text(head, claimed, ending)


def _ending(filename: str) -> str:
    lowered = filename.lower()
    return ".row.json" if lowered.endswith(".row.json") else Path(lowered).suffix


def _found(file: BinaryIO, head: bytes, ending: str) -> MediaType | None:
    claimed = ENDINGS.get(ending)
    if head.startswith(_ZIP):
        return zip_kind(file, ending, claimed)
    if head.startswith(_OLE):
        return ole_kind(file, claimed)
    window = head[:_PDF_HEADER_WITHIN].lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    if window.startswith(b"%PDF-") or (claimed is MediaType.PDF and _PDF_PART.search(head)):
        return MediaType.PDF
    if window.startswith(_RTF):
        return MediaType.RTF
    if _is_foreign(head):
        return None
    return MediaType.TEXT if looks_like_text(head) else None


def _is_foreign(head: bytes) -> bool:
    starts = head.startswith(_FOREIGN) or head[4:8] == b"ftyp"
    # Magics such as "BM" and "MZ" also begin ordinary words; the files that they are of have zeros in their heads.
    return starts and not (b"\x00" not in head and head.startswith((b"BM", b"MZ", b"ID3", b"RIFF", b"OggS")))


def _reason_for_unknown(head: bytes, claimed: MediaType | None) -> ReasonCode:
    if claimed is None:
        return ReasonCode.UNSUPPORTED_TYPE
    known = head.startswith((*_ZIP, _OLE)) or _is_foreign(head)
    # Bytes of no known kind under .pdf or .docx are a broken file rather than another one.
    return ReasonCode.TYPE_MISMATCH if known or claimed in TEXTUAL else ReasonCode.DAMAGED


def _agreed(found: MediaType, claimed: MediaType | None, ending: str) -> MediaType:
    if claimed not in (None, found) or ending in UNSUPPORTED_ENDINGS:
        raise DocumentRejected(ReasonCode.TYPE_MISMATCH, f"ending {ending}, content {found.name.lower()}")
    return found


def _kind_of_text(head: bytes, claimed: MediaType | None, ending: str) -> MediaType:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:_PROLOGUE_BYTES].lower()
    is_xml = start.startswith((b"<?xml", b"<!doctype "))
    is_page = start.startswith(_HTML) or (is_xml and b"<html" in start)
    if claimed in _NEVER_PAGES and is_page:
        raise DocumentRejected(ReasonCode.TYPE_MISMATCH, f"ending {ending}, content html")
    if claimed in TEXTUAL:
        return MediaType.HTML if claimed is MediaType.XML and is_page else claimed
    if claimed is not None:
        # A failed download leaves an error page or a stub under the name of the file.
        raise DocumentRejected(ReasonCode.DAMAGED, f"ending {ending}, content text")
    if ending in UNSUPPORTED_ENDINGS:
        raise DocumentRejected(ReasonCode.UNSUPPORTED_TYPE, f"ending {ending or 'none'}")
    if is_xml:
        return MediaType.HTML if is_page else MediaType.XML
    if is_page:
        return MediaType.HTML
    # Programs name a mail with its signature .p7s, as they do a signature alone.
    return MediaType.EML if _SIGNED_MAIL.match(head) else MediaType.TEXT
