"""Which rows of tables a part of a text holds, so that a citation can name them."""

from bisect import bisect_right
from dataclasses import replace

from rag_service.domain.documents import ParsedDocument
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows


class TablePlaces:
    """Knows the rows of a document's tables. Fast when its parts are asked for in reading order."""

    def __init__(self, document: ParsedDocument) -> None:
        self._text = document.text
        self._rows = [rows for block in document.blocks for rows in block.table_rows]
        self._ends = [rows.span.end for rows in self._rows]
        self._last = (-1, 0)  # a place and the row that it is in

    def within(self, span: Span) -> tuple[TableRows, ...]:
        """Return the rows in `span`, what lies outside of it cut off."""
        found: list[TableRows] = []
        for place in range(bisect_right(self._ends, span.start), len(self._rows)):
            rows = self._rows[place]
            if rows.span.start >= span.end:
                break
            found.append(self._cut(rows, span))
        return tuple(found)

    def _cut(self, rows: TableRows, span: Span) -> TableRows:
        start, end = max(rows.span.start, span.start), min(rows.span.end, span.end)
        known_at, known_row = self._last
        # Counted on from the part before: from its beginning a long table would be counted once for each of its parts.
        if rows.span.start <= known_at <= start:
            rows = replace(rows, span=Span(known_at, rows.span.end), row=known_row)
        row = rows.row_at(start, self._text)
        self._last = (start, row)
        return replace(rows, span=Span(start, end), row=row)
