"""The tables of a Word file as rows of cells."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from ingestion.parsing.office.docx_pages import Pages
from ingestion.parsing.office.ooxml import child_value, number_of, own, within
from ingestion.parsing.records.tables import repeated_label

_WRAPPERS: Final = frozenset({"sdt", "sdtContent", "customXml", "ins", "moveTo"})
_MOST_COLUMNS: Final = 100  # Word has 63; cells further right span nothing


def rows(table: Any, text_of: Callable[[Any], str], pages: Pages) -> Iterator[list[str]]:
    """Yield the cells of each row; one merged over several rows is repeated, for rows are found one by one."""
    above: dict[int, str] = {}
    for row in row_elements(table):
        cells: list[str] = [""] * _skipped(row)
        labels: dict[int, str] = {}
        begins_on = ends_on = pages.number
        for cell in cell_elements(row):
            # Each cell that goes on on the next page says so.
            pages.turn(begins_on)
            properties = cell.find("{*}tcPr")
            width = _width(properties, len(cells))
            merged = _merged(properties)
            text = text_of(cell)
            if merged == "continue" and width == 1:
                text = text or above.get(len(cells), "")
            if merged and width == 1:
                labels[len(cells)] = repeated_label(text)
            cells += [text, *[""] * (width - 1)]
            ends_on = max(ends_on or 0, pages.number or 0)
        pages.turn(ends_on)
        above = labels
        yield cells


def row_elements(table: Any) -> Iterator[Any]:
    """Yield the rows of a table, but not those that were deleted."""
    return (row for row in within(table, "tr", wrappers=_WRAPPERS) if row.find("{*}trPr/{*}del") is None)


def cell_elements(row: Any) -> Iterator[Any]:
    """Yield the cells of a row, but not those that were deleted."""
    return (cell for cell in within(row, "tc", wrappers=_WRAPPERS) if cell.find("{*}tcPr/{*}cellDel") is None)


def _skipped(row: Any) -> int:
    """Return how many columns are left out before the first cell."""
    return min(_MOST_COLUMNS, max(0, number_of(child_value(row.find("{*}trPr"), "gridBefore"))))


def _width(properties: Any, column: int) -> int:
    spanned = max(1, number_of(child_value(properties, "gridSpan"), 1))
    return min(spanned, _MOST_COLUMNS) if column < _MOST_COLUMNS else 1


def _merged(properties: Any) -> str:
    """Return "restart" for the first of cells merged over rows, "continue" for those below it, else nothing."""
    merge = properties.find("{*}vMerge") if properties is not None else None
    return own(merge, "val", "continue") if merge is not None else ""
