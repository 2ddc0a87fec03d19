"""The rows of a sheet as people see them: dates, percentages and numbers shown, labels beside each row they hold for."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from python_calamine import CalamineSheet

from ingestion.parsing.office.decimals import number_text
from ingestion.parsing.office.xlsx_scan import Percentages
from ingestion.parsing.records.tables import one_line, repeated_label

_PER_CENT: Final = 100


def filled_columns(sheet: CalamineSheet) -> list[int]:
    """Return the numbers, from 1, of the columns that hold something."""
    left = _left(sheet)
    empty = set(range(sheet.width))
    for row in sheet.iter_rows():
        empty = {column for column in empty if row[column] == ""}
        if not empty:
            break
    return [left + column + 1 for column in range(sheet.width) if column not in empty]


def shown_rows(
    sheet: CalamineSheet, columns: Sequence[int], percentages: Percentages
) -> Iterator[tuple[int, list[str]]]:
    """Yield number, from 1, and cells in `columns` of each row, beginning with the first that holds something."""
    if sheet.start is None:
        return
    top, left = sheet.start
    are_all = len(columns) == sheet.width
    labels = _Labels(sheet)
    for number, row in enumerate(sheet.iter_rows()):
        if number < top:
            continue
        cells = [_SHOWN[type(cell)](cell) for cell in row]
        for column, decimals in percentages.of_row(number):
            value = row[column - left] if column >= left else None
            if isinstance(value, int | float):
                cells[column - left] = f"{value * _PER_CENT:.{decimals}f}%"
        labels.write(number, cells)
        yield number + 1, cells if are_all else [cells[column - left - 1] for column in columns]


class _Labels:
    """Repeats what stands in a cell merged over several rows in each of them, for rows are found one by one.

    Cells merged over several columns are titles and the heads of groups: those are read once.
    """

    def __init__(self, sheet: CalamineSheet) -> None:
        self._left = _left(sheet)
        self._beginning: dict[int, list[tuple[int, int]]] = {}
        self._current: dict[int, tuple[int, str]] = {}
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
            if left == right and bottom > top and self._left <= left < self._left + sheet.width:
                self._beginning.setdefault(top, []).append((left - self._left, bottom))

    def write(self, number: int, cells: list[str]) -> None:
        """Put labels into the row `number`, unless it is empty but for them."""
        if self._current and any(cells):
            for column, (_, text) in self._current.items():
                cells[column] = cells[column] or text
        for column, bottom in self._beginning.get(number, ()):
            self._current[column] = (bottom, repeated_label(cells[column]))
        if self._current:
            self._current = {column: label for column, label in self._current.items() if label[0] > number}


def _left(sheet: CalamineSheet) -> int:
    return sheet.start[1] if sheet.start else 0


def _moment(value: datetime) -> str:
    near = value + timedelta(microseconds=500_000)  # days are stored as fractions: 12:59:59.9999 is one o'clock
    midnight = not (near.hour or near.minute or near.second)
    return near.date().isoformat() if midnight else f"{near.date().isoformat()} {_time(near.time())}"


def _time(value: time) -> str:
    return f"{value:%H:%M:%S}" if value.second else f"{value:%H:%M}"


def _duration(value: timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _truth(value: bool) -> str:
    return "TRUE" if value else "FALSE"


_SHOWN: Final[dict[type, Callable[[Any], str]]] = {
    str: one_line,
    float: number_text,
    int: str,
    bool: _truth,
    datetime: _moment,
    date: date.isoformat,
    time: _time,
    timedelta: _duration,
}
