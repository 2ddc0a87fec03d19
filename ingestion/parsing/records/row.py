"""One row of a JSON-lines import: its title is a heading, so that it is embedded with the text."""

import json
from typing import Any, BinaryIO

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.text import read_limited
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode


def parse_row(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return title and text of a row."""
    row = _read(read_limited(file, limits))
    title, text = row.get("title"), row.get("text")
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    if isinstance(title, str):
        builder.add(title, BlockKind.HEADING, level=1)
    if isinstance(text, str):
        for paragraph in text.replace("\r\n", "\n").split("\n\n"):
            builder.add(paragraph)
    return builder.build()


def _read(content: bytes) -> dict[str, Any]:
    try:
        row = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "not JSON") from exc
    if not isinstance(row, dict):
        raise DocumentRejected(ReasonCode.DAMAGED, "a row is a JSON object")
    return row
