"""Reads files as the parser's process does, and builds the archives that tests need."""

import io
import stat
import zipfile
from collections.abc import Mapping

import pytest

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.read import read_document
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

LIMITS = ParsingLimits(max_text_chars=100_000, max_pages=5, max_unpacked_bytes=8 * 2**20, max_archive_entries=100)


def read(content: bytes | str, filename: str, limits: ParsingLimits = LIMITS) -> ParsedDocument:
    """Return what is read of a file."""
    raw = content.encode() if isinstance(content, str) else content
    return read_document(io.BytesIO(raw), filename, limits)


def refusal(content: bytes | str, filename: str, limits: ParsingLimits = LIMITS) -> ReasonCode:
    """Return why a file is not read."""
    with pytest.raises(DocumentRejected) as caught:
        read(content, filename, limits)
    return caught.value.reason


def outcome(content: bytes | str, filename: str, limits: ParsingLimits = LIMITS) -> ReasonCode | None:
    """Return why a file is not read, None when it is; anything else it raises is a fault of the parser."""
    try:
        read(content, filename, limits)
    except DocumentRejected as exc:
        return exc.reason
    return None


def kinds(document: ParsedDocument) -> list[tuple[BlockKind, str]]:
    """Return kind and text of each block."""
    return [(block.kind, block.span.of(document.text)) for block in document.blocks]


def headings(document: ParsedDocument) -> list[tuple[int | None, str]]:
    """Return level and text of each heading."""
    return [(block.level, block.span.of(document.text)) for block in document.blocks if block.kind is BlockKind.HEADING]


def zipped(members: Mapping[str, bytes | str], *, link: str = "") -> bytes:
    """Return a ZIP archive; `link` is the name of a symbolic link in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        if link:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()
