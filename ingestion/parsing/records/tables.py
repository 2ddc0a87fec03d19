"""Rows of cells as table blocks: one line per row, cells parted by " | "."""

from collections.abc import Iterable, Sequence

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import BlockKind
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

CELL_BREAK = " | "
_LABEL_CHARS = 200


class TableWriter:
    """Turns rows, as they come, into blocks of one page.

    Rows of one cell above a table are its title and notes, hence paragraphs, so that its header is its first line.
    Only lines are kept, not cells: a table of millions of cells takes little more room than its text.
    """

    def __init__(
        self, builder: CanonicalBuilder, limits: ParsingLimits, *, gaps_part: bool = False, page: int | None = None
    ) -> None:
        """With `gaps_part` an empty row ends a table, else it is skipped."""
        self._builder = builder
        self._gaps_part = gaps_part
        self._page = page
        self._max_chars = limits.max_text_chars
        self._chars = 0
        self._alone: list[str] = []
        self._lines: list[str] = []
        self._indent: int | None = None  # how many columns are empty in every line

    def add(self, cells: Sequence[str]) -> None:
        """Append a row of cells without line breaks; DocumentRejected when the text is over the limit."""
        filled = [place for place, cell in enumerate(cells) if cell]
        if not filled:
            if self._gaps_part:
                self.close()
            return
        if len(filled) == 1 and not self._lines:
            line = cells[filled[0]]
            self._alone.append(line)
        else:
            self._indent = filled[0] if self._indent is None else min(self._indent, filled[0])
            line = CELL_BREAK.join(cells[: filled[-1] + 1])
            self._lines.append(line)
        self._chars += len(line)
        if self._chars > self._max_chars:
            raise DocumentRejected(ReasonCode.TOO_LARGE, f"more than {self._max_chars} characters of text")

    def close(self) -> None:
        """End the table: what was added becomes blocks."""
        if self._lines or len(self._alone) == 1:
            for text in self._alone:
                self._builder.add(text, page=self._page)
        else:
            self._lines = self._alone  # nothing but single cells below each other: a table of one column
        skipped = len(CELL_BREAK) * (self._indent or 0)
        lines = (line[skipped:] for line in self._lines) if skipped else self._lines
        self._builder.add("\n".join(lines), BlockKind.TABLE, page=self._page)
        self._alone, self._lines, self._indent = [], [], None


def one_line(text: str) -> str:
    """Return the text of a cell without line breaks and doubled spaces."""
    return " ".join(text.split())


def repeated_label(text: str) -> str:
    """Return what each row repeats of a cell that spans several: a label; one that tells a story is read once."""
    return text if len(text) <= _LABEL_CHARS else ""


def add_table(builder: CanonicalBuilder, rows: Iterable[Sequence[str]], *, page: int | None = None) -> None:
    """Add a whole table without empty rows; cells are made one line each.

    Raises:
        DocumentRejected: the text is over the limit, found out row by row: a few bytes can mean thousands of cells.
    """
    lines, chars = [], 0
    for row in rows:
        chars += sum(map(len, row)) + len(CELL_BREAK) * len(row)
        if chars > builder.max_chars:
            raise DocumentRejected(ReasonCode.TOO_LARGE, f"more than {builder.max_chars} characters of text")
        line = CELL_BREAK.join(map(one_line, row))
        if line.strip(" |"):
            lines.append(line)
    builder.add("\n".join(lines), BlockKind.TABLE, page=page)
