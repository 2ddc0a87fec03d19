"""Rows of cells as table blocks: one line per row, cells parted by " | "."""

from array import array
from collections.abc import Iterable, Sequence

from ingestion.parsing.canonical import CanonicalBuilder, Rows
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import BlockKind
from rag_service.domain.table_rows import CELL_BREAK
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_LABEL_CHARS = 200


class TableWriter:
    """Turns rows, as they come, into blocks of one page.

    Rows of one cell above a table are its title and notes, hence paragraphs, so that its header is its first line.
    Only lines are kept, not cells: a table of millions of cells takes little more room than its text.
    """

    def __init__(
        self,
        builder: CanonicalBuilder,
        limits: ParsingLimits,
        *,
        gaps_part: bool = False,
        page: int | None = None,
        name: str | None = None,
        columns: Sequence[int] = (),
    ) -> None:
        """With `gaps_part` an empty row ends a table, else it is skipped.

        `name` is that of the table or of the sheet. `columns`, of sheets only, are the numbers of the cells' columns.
        """
        self._builder = builder
        self._gaps_part = gaps_part
        self._page = page
        self._name = name
        self._columns = columns
        self._max_chars = limits.max_text_chars
        self._chars = 0
        self._count = 0
        self._alone = _Lines()
        self._lines = _Lines()

    def add(self, cells: Sequence[str], number: int | None = None) -> None:
        """Append a row of cells without line breaks; it is the `number`th of the source, by default the next one.

        Raises:
            DocumentRejected: the text is over the limit.
        """
        self._count = number or self._count + 1
        filled = [place for place, cell in enumerate(cells) if cell]
        if not filled:
            if self._gaps_part:
                self.close()
            return
        first, last = filled[0], filled[-1]
        if first == last and not self._lines.texts:
            line = cells[first]
            self._alone.add(line, self._count, first, last)
        else:
            line = CELL_BREAK.join(cells[: last + 1])
            self._lines.add(line, self._count, first, last)
        self._chars += len(line)
        if self._chars > self._max_chars:
            raise DocumentRejected(ReasonCode.TOO_LARGE, f"more than {self._max_chars} characters of text")

    def close(self) -> None:
        """End the table: what was added becomes blocks."""
        alone, lines = self._alone, self._lines
        self._alone, self._lines = _Lines(), _Lines()
        if not lines.texts and len(alone.texts) > 1:
            self._add_table(alone, skipped=0)  # nothing but single cells below each other: a table of one column
            return
        for text, number, column in zip(alone.texts, alone.numbers, alone.first_columns, strict=True):
            self._builder.add(text, page=self._page, rows=self._rows((number,), column, column))
        if lines.texts:
            self._add_table(lines, skipped=len(CELL_BREAK) * min(lines.first_columns))  # columns empty in every line

    def _add_table(self, lines: "_Lines", *, skipped: int) -> None:
        text = "\n".join(line[skipped:] for line in lines.texts) if skipped else "\n".join(lines.texts)
        rows = self._rows(lines.numbers, min(lines.first_columns), lines.last_column)
        self._builder.add(text, BlockKind.TABLE, page=self._page, rows=rows)

    def _rows(self, numbers: Sequence[int], first: int, last: int) -> Rows:
        columns = (self._columns[first], self._columns[last]) if self._columns else None
        return Rows(numbers=numbers, table=self._name, columns=columns)


class _Lines:
    """Lines of a table with the numbers of their rows and the places of their first cells, in eight bytes each."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.numbers = array("q")
        self.first_columns = array("q")
        self.last_column = 0

    def add(self, text: str, number: int, first_column: int, last_column: int) -> None:
        self.texts.append(text)
        self.numbers.append(number)
        self.first_columns.append(first_column)
        self.last_column = max(self.last_column, last_column)


def one_line(text: str) -> str:
    """Return the text of a cell without line breaks and doubled spaces."""
    return " ".join(text.split())


def repeated_label(text: str) -> str:
    """Return what each row repeats of a cell that spans several: a label; one that tells a story is read once."""
    return text if len(text) <= _LABEL_CHARS else ""


def add_table(builder: CanonicalBuilder, rows: Iterable[Sequence[str]], *, page: int | None = None) -> None:
    """Add a whole table without empty rows, which count all the same; cells are made one line each.

    Raises:
        DocumentRejected: the text is over the limit, found out row by row: a few bytes can mean thousands of cells.
    """
    lines, numbers, chars = [], array("q"), 0
    for number, row in enumerate(rows, start=1):
        chars += sum(map(len, row)) + len(CELL_BREAK) * len(row)
        if chars > builder.max_chars:
            raise DocumentRejected(ReasonCode.TOO_LARGE, f"more than {builder.max_chars} characters of text")
        line = CELL_BREAK.join(map(one_line, row))
        if line.strip(" |"):
            lines.append(line)
            numbers.append(number)
    if lines:
        rows_of_table = Rows(numbers=numbers, table=builder.next_table(page))
        builder.add("\n".join(lines), BlockKind.TABLE, page=page, rows=rows_of_table)
