"""The blocks of an RTF as its reader comes upon them: paragraphs, cells and rows, notes behind their paragraph."""

from ingestion.parsing.canonical import LINE_BREAK, PARAGRAPH_BREAK, CanonicalBuilder
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.records.tables import TableWriter, one_line
from rag_service.domain.documents import BlockKind

_MAX_LEVEL = 6


class RtfBlocks:
    """Takes text and the words that end a paragraph, a cell or a row."""

    def __init__(self, builder: CanonicalBuilder, limits: ParsingLimits) -> None:
        self._builder = builder
        self._limits = limits
        self._table: TableWriter | None = None  # none before its first row
        self._text: list[str] = []
        self._cells: list[str] = []
        self._asides: list[str] = []
        self._notes = 0
        self.mark = ""

    def write(self, text: str) -> None:
        """Append text to the paragraph at hand."""
        self._text.append(text)

    def note(self, text: str, *, is_comment: bool) -> None:
        """Put a note behind the paragraph at hand, and its number where it stands."""
        if not text.strip():
            return
        if is_comment:
            self._asides.append(f"Comment: {one_line(text)}")
            return
        self._notes += 1
        self._text.append(f"[{self._notes}]")
        self._asides.append(f"[{self._notes}] {one_line(text)}")

    def end_paragraph(self, level: int | None, *, in_table: bool) -> None:
        """End a paragraph, a heading when it has a level; inside a cell it only parts words."""
        if in_table:
            self._text.append(" ")
            return
        text, mark = self._taken(), self._taken_mark()
        if text.strip():
            self._end_table()
        if text.strip() and level is not None:
            self._builder.add(text, BlockKind.HEADING, level=min(level, _MAX_LEVEL))
        elif text.strip():
            kind = BlockKind.LIST_ITEM if mark else BlockKind.PARAGRAPH
            self._builder.add(mark + text.strip(), kind, joiner=LINE_BREAK if mark else PARAGRAPH_BREAK)
        if self._table is None:
            self._add_asides()

    def end_cell(self) -> None:
        """End a cell of the row at hand."""
        self._cells.append(one_line(self._taken_mark() + self._taken()))

    def end_row(self) -> None:
        """End the row at hand."""
        if self._cells:
            self._table = self._table or TableWriter(self._builder, self._limits, name=self._builder.next_table())
            self._table.add(self._cells)
            self._cells = []

    def end(self) -> None:
        """End whatever is open: the file may end early."""
        if self._cells:
            self.end_cell()
            self.end_row()
        self.end_paragraph(None, in_table=False)
        self._end_table()

    def _end_table(self) -> None:
        if self._table is not None:
            self._table.close()
            self._table = None
            self._add_asides()

    def _add_asides(self) -> None:
        for aside in self._asides:
            self._builder.add(aside)
        self._asides = []

    def _taken(self) -> str:
        text = "".join(self._text)
        self._text = []
        return text

    def _taken_mark(self) -> str:
        mark = self.mark.strip()
        self.mark = ""
        if not mark:
            return ""
        # Bullets are letters of symbol fonts; numbers keep what is round them.
        return f"{mark} " if any(char.isalnum() and char.isascii() for char in mark) else "- "
