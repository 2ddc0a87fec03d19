"""What passes between the worker and the process that parses: frames of MessagePack behind their length."""

import re
from typing import Any

import msgpack

from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows, from_plain_values, plain_values

LENGTH_BYTES = 4
NOTE_BYTES = 32
"""A longer message is no note of pages."""

_MOST_PAGES = 2**31
_MOST_ROWS = 2**31
_MOST_NAME_CHARS = 1000
_LANGUAGES = re.compile(r"[a-zA-Z0-9_+]{0,200}")
_KINDS = tuple(BlockKind)
_KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


def frame(message: dict[str, Any]) -> bytes:
    """Return `message` as bytes, behind their number in big-endian order."""
    body: bytes = msgpack.packb(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def unframe(body: bytes) -> dict[str, Any]:
    """Return the message in `body`, which comes without its length; ValueError when it is none."""
    message = msgpack.unpackb(body, strict_map_key=True)
    if not isinstance(message, dict):
        raise ValueError("a message is a map")  # noqa: TRY004  (bad content, not a programming error)
    return message


def pack_document(document: ParsedDocument) -> dict[str, Any]:
    """Return the document as plain values."""
    return {
        "text": document.text,
        "blocks": [
            (
                *(block.span.start, block.span.end, _KIND_NUMBERS[block.kind], block.level, block.page, block.bbox),
                plain_values(block.table_rows),
            )
            for block in document.blocks
        ],
        "title": document.title,
        "page_count": document.page_count,
        "warnings": document.warnings,
        "ocr_languages": document.ocr_languages,
    }


def unpack_document(values: dict[str, Any]) -> ParsedDocument:
    """Return the document; ValueError, TypeError or KeyError when the values are not one.

    The sender has read a stranger's file and is not trusted: spans are checked against the text.
    """
    text = str(values["text"])
    blocks = tuple(_block(entry) for entry in values["blocks"])
    ends = [0, *(block.span.end for block in blocks)]
    if any(block.span.start < end for block, end in zip(blocks, ends, strict=False)) or ends[-1] > len(text):
        raise ValueError("blocks overlap or leave the text")
    return ParsedDocument(
        text=text,
        blocks=blocks,
        title=values["title"],
        page_count=values["page_count"],
        warnings=tuple(values["warnings"]),
        ocr_languages=_languages(values["ocr_languages"]),
    )


def pack_pages(done: int, total: int) -> dict[str, Any]:
    """Return a note that so many pages were read."""
    return {"pages": (done, total)}


def unpack_pages(body: bytes) -> tuple[int, int] | None:
    """Return what a message notes about pages, None when it is no note; ValueError when it cannot be true."""
    message = unframe(body) if len(body) <= NOTE_BYTES else {}
    if "pages" not in message:
        return None
    match message["pages"]:
        case [int(done), int(total)] if 0 <= done <= total <= _MOST_PAGES:
            return done, total
        case _:
            raise ValueError("no number of pages")


def _languages(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _LANGUAGES.fullmatch(value)):
        return value
    raise ValueError("no languages")


def _block(entry: list[Any]) -> Block:
    start, end, kind, level, page, bbox, table_rows = entry
    span = Span(start, end)
    return Block(
        span=span,
        kind=_KINDS[kind],
        level=level,
        page=page,
        bbox=tuple(bbox) if bbox else None,
        table_rows=_table_rows(table_rows, span),
    )


def _table_rows(values: list[Any], block: Span) -> tuple[TableRows, ...]:
    found = from_plain_values(values)
    ends = [block.start, *(rows.span.end for rows in found)]
    if any(rows.span.start < end for rows, end in zip(found, ends, strict=False)) or ends[-1] > block.end:
        raise ValueError("rows overlap or leave their block")
    if not all(map(_is_plausible, found)):
        raise ValueError("no rows of a table")
    return found


def _is_plausible(rows: TableRows) -> bool:
    numbers = (rows.row, *(rows.columns or ()))
    named = rows.table is None or (isinstance(rows.table, str) and len(rows.table) <= _MOST_NAME_CHARS)
    return named and all(isinstance(number, int) and 0 < number < _MOST_ROWS for number in numbers)
