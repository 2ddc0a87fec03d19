"""CSV and its kin: the delimiter is the one that cuts the first rows into the most even columns."""

import contextlib
import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Final

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.decoding import decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.records.tables import TableWriter, one_line
from ingestion.parsing.text import read_limited
from rag_service.domain.documents import ParsedDocument

_DELIMITERS: Final = ",;\t|"
_NO_DELIMITER: Final = "\x1f"
_MIN_CUT_SHARE: Final = 0.5  # of the rows: where fewer are cut, it is a list of phrases with commas in them
_SAMPLE_ROWS: Final = 200
_SAMPLE_CHARS: Final = 256 * 1024
_UNPAIRED: Final = "quotation marks do not pair up: they were read as text"


def parse_csv(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the rows of a file of values parted by commas, semicolons, tabs or bars as one table."""
    text, warnings = decode(read_limited(file, limits))
    text, delimiter = _without_hint(text.lstrip("\ufeff"))
    # A quotation mark that is never closed can hide the delimiter from those who heed quotation marks.
    delimiter = delimiter or _delimiter(text, _quoted_rows) or _delimiter(text, _plain_rows) or _NO_DELIMITER
    try:
        return _document(_quoted_rows(text, delimiter), warnings, limits)
    except csv.Error:
        return _document(_plain_rows(text, delimiter), (*warnings, _UNPAIRED), limits)


def _document(rows: Iterable[list[str]], warnings: Sequence[str], limits: ParsingLimits) -> ParsedDocument:
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*warnings)
    writer = TableWriter(builder, limits)
    for row in rows:
        writer.add([one_line(cell) for cell in row])
    writer.close()
    return builder.build()


def _quoted_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows; csv.Error where a quotation mark swallows too much, or is still open at the end."""
    row: list[str] = []
    for row in csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True):
        yield row
    if row and "\n" in row[-1] and not text.rstrip().endswith('"'):
        raise csv.Error("a quotation mark is never closed")


def _plain_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return (line.split(delimiter) for line in _lines(text))


def _lines(text: str) -> Iterator[str]:
    """Yield the lines with their ends, one at a time: a list of all would double the memory."""
    start, end = 0, len(text)
    while start < end:
        found = text.find("\n", start)
        stop = end if found < 0 else found + 1
        yield text[start:stop]
        start = stop


def _without_hint(text: str) -> tuple[str, str | None]:
    """Take off the first line when it is the one in which Excel names the delimiter."""
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    first, _, rest = text.partition("\n")
    named = first.removeprefix("sep=")
    is_hint = len(named) == len(first) - len("sep=") == 1 and not named.isalnum() and named != '"'
    return (rest, named) if is_hint else (text, None)


def _delimiter(text: str, cut: Callable[[str, str], Iterator[list[str]]]) -> str:
    """Return the delimiter, empty when none cuts most rows."""
    sample = text[:_SAMPLE_CHARS]
    widths = {delimiter: _widths(cut(sample, delimiter)) for delimiter in _DELIMITERS}
    cutting = [delimiter for delimiter in _DELIMITERS if _cuts(widths[delimiter])]
    return max(cutting, key=lambda delimiter: _evenness(widths[delimiter]), default="")


def _widths(rows: Iterator[list[str]]) -> list[int]:
    widths: list[int] = []
    with contextlib.suppress(csv.Error):
        for row in islice(rows, _SAMPLE_ROWS):
            widths += [len(row)] if row else []
    return widths


def _cuts(widths: Sequence[int]) -> bool:
    return sum(width > 1 for width in widths) > _MIN_CUT_SHARE * len(widths)


def _evenness(widths: Sequence[int]) -> tuple[float, int]:
    """Return which share of the rows has the most frequent number of columns, and that number."""
    usual, count = Counter(widths).most_common(1)[0]
    return count / len(widths), usual
