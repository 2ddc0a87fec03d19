"""Where lines of canonical text stand in the tables of their source, and how that place is written."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from rag_service.domain.spans import Span

CELL_BREAK = " | "
"""Parts the cells of a row, which is one line."""

_NEEDS_NO_QUOTES = re.compile(r"(?![A-Za-z]{1,3}\d+$)[^\W\d]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """Lines of canonical text that are successive rows of a table: at `span.start` stands `row`, counted from 1.

    `table` is its name where there can be several. `columns`, of sheets only, are the first and the last, from 1;
    `table` is then the sheet.
    """

    span: Span
    row: int
    table: str | None = None
    columns: tuple[int, int] | None = None

    def row_at(self, place: int, text: str, *, offset: int = 0) -> int:
        """Return the row that holds the character at `place`; `text` begins at `offset` of the canonical text."""
        return self.row + text.count("\n", self.span.start - offset, place - offset)


def location_of(
    rows: Sequence[TableRows], span: Span, *, text: str, offset: int = 0, page: int | None = None
) -> str | None:
    """Return where in a table `span` begins, and as far as it goes in that table; None outside of tables.

    Cells of sheets are in A1 notation (Prices!A4:F4), rows of other tables in words (page 3, table 1, row 4).
    `text` begins at `offset` of the canonical text.
    """
    first = next((one for one in rows if one.span.start <= span.start < one.span.end), None)
    if first is None:
        return None
    covered = [one for one in rows if first.span.start <= one.span.start < span.end and one.table == first.table]
    last = covered[-1]
    ends = (
        first.row_at(span.start, text, offset=offset),
        last.row_at(min(span.end, last.span.end) - 1, text, offset=offset),
    )
    columns = [column for one in covered for column in one.columns or ()]
    if columns:
        return _cells(first.table or "", (min(columns), max(columns)), ends)
    parts = (f"page {page}" if page else None, first.table, _in_words(ends))
    return ", ".join(part for part in parts if part)


def plain_values(rows: Iterable[TableRows]) -> list[list[Any]]:
    """Return the rows as lists of numbers and texts, for JSON and the like."""
    return [[one.span.start, one.span.end, one.row, one.table, one.columns] for one in rows]


def from_plain_values(values: Iterable[Sequence[Any]]) -> tuple[TableRows, ...]:
    """Return the rows in such lists; ValueError or TypeError when the values are none."""
    return tuple(_from(*of_one) for of_one in values)


def _from(start: int, end: int, row: int, table: str | None, columns: Sequence[int] | None) -> TableRows:
    first_and_last = None
    if columns is not None:
        first, last = columns
        first_and_last = (first, last)
    return TableRows(span=Span(start, end), row=row, table=table, columns=first_and_last)


def _in_words(rows: tuple[int, int]) -> str:
    first, last = rows
    return f"row {first}" if first == last else f"rows {first}-{last}"


def _cells(sheet: str, columns: tuple[int, int], rows: tuple[int, int]) -> str:
    corners = [f"{_letters(column)}{row}" for column, row in zip(columns, rows, strict=True)]
    name = sheet if _NEEDS_NO_QUOTES.fullmatch(sheet) else "'" + sheet.replace("'", "''") + "'"
    return f"{name}!{':'.join(dict.fromkeys(corners))}"


def _letters(column: int) -> str:
    letters = ""
    while column > 0:
        column, place = divmod(column - 1, len(ascii_uppercase))
        letters = ascii_uppercase[place] + letters
    return letters
