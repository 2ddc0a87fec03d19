"""Plain text: paragraphs are what empty lines part."""

import os
import re
from typing import BinaryIO

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.decoding import decode
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_BYTES_PER_CHAR = 4
_NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_GAP = re.compile(r"\n[ \t]*\n\s*")
_ITEM = re.compile(r"(?:[-*•‣·]|\(?\d{1,3}[.)])[ \t]+\S")


def parse_text(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the paragraphs of a plain text file."""
    text, warnings = decode(read_limited(file, limits))
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*warnings)
    add_paragraphs(builder, text)
    return builder.build()


def add_paragraphs(builder: CanonicalBuilder, text: str) -> None:
    """Add what empty lines part."""
    for paragraph in _GAP.split(_NEWLINES.sub("\n", text)):
        kind = BlockKind.LIST_ITEM if _ITEM.match(paragraph) else BlockKind.PARAGRAPH
        builder.add(paragraph, kind)


def read_limited(file: BinaryIO, limits: ParsingLimits) -> bytes:
    """Return the whole file; TOO_LARGE when it cannot but hold more characters than are kept."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    # Before a byte is read: a file far over the limit costs neither time nor memory.
    if size_bytes > limits.max_text_chars * _BYTES_PER_CHAR:
        raise DocumentRejected(ReasonCode.TOO_LARGE, f"more than {limits.max_text_chars} characters of text")
    return file.read()
