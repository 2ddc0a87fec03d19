"""A look through a workbook's cells before they are read: how far apart they lie, and which are percentages.

The reader lays a sheet out as one rectangle, 32 bytes a cell: two letters in opposite corners would be half a terabyte.
It also does not tell that 0.25 is shown as 25 %.
"""

import re
import zipfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from ingestion.parsing.containers.archive import UNREADABLE
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.xml_parts import part
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_MAX_AREA: Final = 16_000_000
_PIECE_BYTES: Final = 2**20
_LETTERS: Final = 26
_MIN_CHARS_PER_CELL: Final = 2  # a digit and a break
# Without the element's name, which may have a prefix, these are three times as fast; what they find is an upper bound.
_ROW: Final = re.compile(rb"""\sr=["'](\d{1,7})["']""")
_WIDE: Final = re.compile(rb"""\sr=["']([A-Z]{2,3})\d""")
_FILLED: Final = re.compile(
    rb"""<(?:\w+:)?c\s[^<>]*?\br=["']([A-Z]{1,3})(\d{1,7})["'][^<>]*[^<>/]>(?!\s*<(?:/|(?:\w+:)?v\s*/|(?:\w+:)?v></))"""
)
_UNPLACED: Final = re.compile(rb"""<(?:\w+:)?c(?:\s(?![^<>]*\br=)[^<>]*)?>""")
_BUILT_IN_PERCENTAGES: Final = {9: 0, 10: 2}
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_PERCENTAGE: Final = re.compile(r"(?:[.,]([0#?]+))?\s*%")
_DECIMALS_BITS, _COLUMN_BITS = 4, 15
_MAX_DECIMALS: Final = 2**_DECIMALS_BITS - 1


class Percentages:
    """Which cells of a sheet are percentages; eight bytes each, as there may be millions."""

    def __init__(self) -> None:
        self._cells = array("q")
        self._in_order = True

    def add(self, row: int, column: int, decimals: int) -> None:
        """Note a cell by its row and column, both from 0."""
        cell = (row << _COLUMN_BITS | column) << _DECIMALS_BITS | decimals
        self._in_order = self._in_order and (not self._cells or self._cells[-1] <= cell)
        self._cells.append(cell)

    def of_row(self, row: int) -> list[tuple[int, int]]:
        """Return column and shown decimals of each percentage in the row."""
        if not self._in_order:
            self._cells, self._in_order = array("q", sorted(self._cells)), True
        first, behind = ((row + more) << (_COLUMN_BITS + _DECIMALS_BITS) for more in (0, 1))
        cells = self._cells[bisect_left(self._cells, first) : bisect_left(self._cells, behind)]
        return [((cell - first) >> _DECIMALS_BITS, cell & _MAX_DECIMALS) for cell in cells]


def scan(archive: zipfile.ZipFile, limits: ParsingLimits) -> dict[str, Percentages]:
    """Return the percentages of each part; every part is unpacked once, so that none can be longer than it says.

    Raises:
        DocumentRejected: TOO_LARGE when cells lie too far apart or are too many; DAMAGED.
    """
    decimals = _percentage_styles(archive)
    names = [name for name in archive.namelist() if name.endswith((".xml", ".rels"))]
    try:
        return {name: _scanned(archive, name, decimals, limits) for name in names}
    except UNREADABLE as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive entry") from exc


def _scanned(archive: zipfile.ZipFile, name: str, decimals: dict[int, int], limits: ParsingLimits) -> Percentages:
    percentages = Percentages()
    of_style = _percentage_cells(decimals)
    height, width, filled = 0, _LETTERS, 0
    for piece in _pieces(archive, name):
        filled += piece.count(b"<v>") + piece.count(b"<is>")
        if filled * _MIN_CHARS_PER_CELL > limits.max_text_chars:
            raise DocumentRejected(ReasonCode.TOO_LARGE, f"more than {limits.max_text_chars} characters of text")
        height = max([height, *map(int, _ROW.findall(piece))])
        width = max([width, *map(_column, set(_WIDE.findall(piece)))])
        for letters, row, style in of_style.findall(piece) if of_style else ():
            percentages.add(int(row) - 1, _column(letters) - 1, decimals[int(style)])
    if height * width > _MAX_AREA and _area(archive, name) > _MAX_AREA:
        raise DocumentRejected(ReasonCode.TOO_LARGE, "cells of a sheet lie too far apart")
    return percentages


def _area(archive: zipfile.ZipFile, name: str) -> int:
    """Return the size of the rectangle round all cells that hold something; empty ones with a style do not count."""
    rows: list[int] = []
    columns: list[int] = []
    for piece in _pieces(archive, name):
        if _UNPLACED.search(piece):
            return _MAX_AREA + 1  # a cell that does not say where it is could be anywhere
        cells = _FILLED.findall(piece)
        rows = _ends([*rows, *(int(row) for _, row in cells)])
        columns = _ends([*columns, *map(_column, {letters for letters, _ in cells})])
    return (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) if rows else 0


def _ends(numbers: list[int]) -> list[int]:
    return [min(numbers), max(numbers)] if numbers else []


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield the part in pieces that end with a row, or at least between two tags."""
    rest = b""
    with archive.open(name) as entry:
        while read := entry.read(_PIECE_BYTES):
            joined = rest + read
            cut = joined.rfind(b"row>") + len(b"row>")
            if cut < len(b"row>"):
                cut = max(0, joined.rfind(b"<")) or len(joined)
            yield joined[:cut]
            rest = joined[cut:]
    yield rest


def _column(letters: bytes) -> int:
    """Return the number of a column, from 1."""
    number = 0
    for letter in letters:
        number = number * _LETTERS + letter - ord("A") + 1
    return number


def _percentage_cells(decimals: dict[int, int]) -> re.Pattern[bytes] | None:
    if not decimals:
        return None
    styles = "|".join(map(str, decimals)).encode()
    return re.compile(rb"""\sr=["']([A-Z]{1,3})(\d{1,7})["']\ss=["'](""" + styles + rb""")["']""")


def _percentage_styles(archive: zipfile.ZipFile) -> dict[int, int]:
    """Return the shown decimals of each cell style that shows percentages."""
    root = part(archive, "xl/styles.xml")
    if root is None:
        return {}
    formats = dict(_BUILT_IN_PERCENTAGES)
    for entry in root.iterfind("{*}numFmts/{*}numFmt"):
        found = _PERCENTAGE.search(_QUOTED.sub("", entry.get("formatCode", "")))
        if found and entry.get("numFmtId", "").isdecimal():
            formats[int(entry.get("numFmtId"))] = min(len(found[1] or ""), _MAX_DECIMALS)
    uses = [entry.get("numFmtId", "") for entry in root.iterfind("{*}cellXfs/{*}xf")]
    return {style: formats[int(use)] for style, use in enumerate(uses) if use.isdecimal() and int(use) in formats}
