"""JSON and JSON lines as text for people: keys are labels, lists of like objects are tables."""

import json
from collections.abc import Iterator
from math import inf
from typing import Any, BinaryIO, Final

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.decoding import decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.records.tables import add_table, one_line
from ingestion.parsing.text import add_paragraphs, read_limited
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_NAMES: Final = ("title", "name", "headline", "subject", "question", "label", "key", "id")
_NAME_CHARS: Final = 150
_CELL_CHARS: Final = 200
_MIN_ROWS: Final = 2
_MAX_COLUMNS: Final = 50
_MIN_FILLED: Final = 0.5  # of a table's columns in each of its rows
_LOWEST_HEADING: Final = 2  # objects below it are indented lines
_MAX_INDENT: Final = 12  # levels: deeper ones would be mostly spaces
_MOST_NAMED: Final = 20


def parse_json(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return a JSON value; one per line is taken as JSON lines, whatever the file is called."""
    text, warnings = decode(read_limited(file, limits))
    try:
        value = _loads(text.removeprefix("\ufeff"))
    except ValueError as exc:
        records, broken = _records(text, most_broken=0)
        if broken or not records:
            raise DocumentRejected(ReasonCode.DAMAGED, "not JSON") from exc
        value = records
    return _document(value, limits, warnings)


def parse_jsonl(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the records of a file with one per line; lines that are not JSON are named in a warning."""
    text, warnings = decode(read_limited(file, limits))
    records, broken = _records(text)
    if not records:
        raise DocumentRejected(ReasonCode.DAMAGED, "no line is JSON")
    if broken:
        named = ", ".join(str(number) for number in broken[:_MOST_NAMED])
        more = f" and {len(broken) - _MOST_NAMED} more" if len(broken) > _MOST_NAMED else ""
        warnings = (*warnings, f"not JSON and left out: lines {named}{more}")
    return _document(records, limits, warnings)


def _records(text: str, *, most_broken: float = inf) -> tuple[list[Any], list[int]]:
    """Return the values of the lines, and the numbers of the lines without one; the end when those are too many."""
    records, broken = [], []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(_loads(line))
        except ValueError:
            broken.append(number)
            if len(broken) > most_broken:
                break
    return records, broken


def _loads(text: str) -> Any:
    try:
        # Numbers stay as they were written: 1.10 is a version more often than a quantity.
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "nested too deeply") from exc


def _document(value: Any, limits: ParsingLimits, warnings: tuple[str, ...]) -> ParsedDocument:
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*warnings)
    try:
        _Writer(builder).add(value, level=1)
    except RecursionError as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "nested too deeply") from exc
    return builder.build(title=_name(value)[1] if isinstance(value, dict) else None, named_by_heading=False)


class _Writer:
    """Says one value after another to the builder; `level` is that of the next heading."""

    def __init__(self, builder: CanonicalBuilder) -> None:
        self._builder = builder

    def add(self, value: Any, *, level: int) -> None:
        if isinstance(value, dict):
            self._object(value, level)
        elif isinstance(value, list):
            self._list(value, level)
        else:
            add_paragraphs(self._builder, _text(value))

    def _object(self, record: dict[str, Any], level: int, *, without: str = "") -> None:
        lines: list[str] = []
        for key, value in record.items():
            if key == without or _is_empty(value):
                continue
            if _is_short(value):
                lines.append(f"{key}: {_in_line(value)}")
                continue
            lines = self._flushed(lines)
            if isinstance(value, str):
                add_paragraphs(self._builder, f"{key}: {value}")
            elif level <= _LOWEST_HEADING:
                self._builder.add(key, BlockKind.HEADING, level=level)
                self.add(value, level=level + 1)
            else:
                self._lines({key: value})
        self._flushed(lines)

    def _flushed(self, lines: list[str]) -> list[str]:
        self._builder.add("\n".join(lines))
        return []

    def _list(self, values: list[Any], level: int) -> None:
        if _is_table(values):
            add_table(self._builder, _rows(values))
        elif level > _LOWEST_HEADING:
            self._lines(values)
        else:
            for number, value in enumerate(values, start=1):
                self._item(value, number, level)

    def _item(self, value: Any, number: int, level: int) -> None:
        if isinstance(value, dict):
            key, name = _name(value)
            self._builder.add(name or f"Record {number}", BlockKind.HEADING, level=level)
            self._object(value, level + 1, without=key)
        elif isinstance(value, list):
            self._lines(value)
        else:
            add_paragraphs(self._builder, _text(value))

    def _lines(self, value: Any) -> None:
        lines: list[str] = []
        _indent(value, 0, lines)
        self._builder.add("\n".join(lines), BlockKind.CODE)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _is_short(value: Any) -> bool:
    """Say whether the value has room beside its label."""
    if isinstance(value, list):
        return all(_is_scalar(item) for item in value) and len(_in_line(value)) <= _CELL_CHARS
    return not isinstance(value, dict) and len(text := _text(value).strip()) <= _CELL_CHARS and "\n" not in text


def _in_line(value: Any) -> str:
    return ", ".join(one_line(_text(item)) for item in value) if isinstance(value, list) else one_line(_text(value))


def _name(record: dict[str, Any]) -> tuple[str, str]:
    """Return the key and the value of what a record is called, empty without such a thing."""
    for key in _NAMES:
        value = record.get(key)
        if isinstance(value, str) and value.strip() and len(value) <= _NAME_CHARS:
            return key, value
    return "", ""


def _is_table(values: list[Any]) -> bool:
    if len(values) < _MIN_ROWS or not all(isinstance(value, dict) and value for value in values):
        return False
    columns = _columns(values)
    return len(columns) <= _MAX_COLUMNS and all(
        len(row) >= _MIN_FILLED * len(columns) and all(_is_scalar(cell) and _is_short(cell) for cell in row.values())
        for row in values
    )


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _rows(records: list[dict[str, Any]]) -> Iterator[list[str]]:
    columns = _columns(records)
    yield columns
    yield from ([_text(record.get(column)) for column in columns] for record in records)


def _indent(value: Any, depth: int, lines: list[str]) -> None:
    """Append one line per entry; a list to fill, as generators inside generators take a step each per line."""
    indent = "  " * min(depth, _MAX_INDENT)
    entries = value.items() if isinstance(value, dict) else (("-", item) for item in value)
    for key, item in entries:
        label = key if key == "-" else f"{key}:"
        if _is_empty(item):
            continue
        if _is_scalar(item) or _is_short(item):
            lines.append(f"{indent}{label} {_in_line(item)}")
        else:
            lines.append(f"{indent}{label}")
            _indent(item, depth + 1, lines)
