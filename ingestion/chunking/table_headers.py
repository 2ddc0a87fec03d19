"""The first rows of tables: a chunk that begins further down repeats it, or its numbers would stand for nothing."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from rag_service.domain.documents import Block, BlockKind, embedded_text
from rag_service.domain.spans import Span


class TableHeaders:
    """Knows the first row of each table among `blocks`, and which of them have room under `headings`."""

    def __init__(
        self, text: str, blocks: Sequence[Block], headings: tuple[str, ...], count: Callable[[str], int], room: float
    ) -> None:
        """`room` is how many tokens headings and row may come to: a longer row is repeated nowhere."""
        self._text = text
        self._tables = [block.span for block in blocks if block.kind is BlockKind.TABLE]
        self._starts = [table.start for table in self._tables]
        self._headings = headings
        self._count = count
        self._room = room
        self._known: dict[int, tuple[tuple[str, ...], int]] = {}

    def at(self, start: int) -> tuple[str, ...]:
        """Return the headings of a piece of text that begins at `start`: with a row, if that is in a table below it."""
        return self._at(start)[0]

    def tokens_at(self, start: int) -> int:
        """Return how many tokens the row adds to a piece that begins at `start`."""
        return self._at(start)[1]

    def _at(self, start: int) -> tuple[tuple[str, ...], int]:
        place = bisect_right(self._starts, start) - 1
        if place < 0 or start >= self._tables[place].end:
            return self._headings, 0
        end_of_row = self._text.find("\n", *self._ends(place))
        if end_of_row < 0 or start <= end_of_row:
            return self._headings, 0
        if place not in self._known:
            self._known[place] = self._with_row(Span(self._tables[place].start, end_of_row).of(self._text))
        return self._known[place]

    def _ends(self, place: int) -> tuple[int, int]:
        return self._tables[place].start, self._tables[place].end

    def _with_row(self, row: str) -> tuple[tuple[str, ...], int]:
        headings = (*self._headings, row.strip())
        tokens = self._count(embedded_text(headings, ""))
        if tokens > self._room:
            return self._headings, 0
        return headings, tokens - (self._count(embedded_text(self._headings, "")) if self._headings else 0)
