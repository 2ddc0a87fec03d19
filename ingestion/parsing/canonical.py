"""The one builder of canonical text: every parser says its blocks here, in reading order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from ingestion.parsing.cleaning import clean, flow, verbatim
from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

MAX_TITLE_CHARS = 500
LOWEST_LEVEL = 6
MAX_WARNINGS = 100
MAX_TABLE_NAME_CHARS = 200
"""A longer name of a sheet is cut: it is kept with every part of the sheet."""

PARAGRAPH_BREAK = "\n\n"
LINE_BREAK = "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which rows of the source the lines of a block are, a number for each; the rest as in `TableRows`."""

    numbers: Sequence[int]
    table: str | None = None
    columns: tuple[int, int] | None = None


class CanonicalBuilder:
    """Collects blocks; their spans are exact because text is cleaned before it is joined.

    Each block begins after a newline, which composes with nothing, so joined NFC pieces stay NFC.
    """

    def __init__(self, *, max_chars: int) -> None:
        self.max_chars = max_chars
        self._pieces: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._first_heading: str | None = None
        self._tables: Counter[int | None] = Counter()
        self._warnings: dict[str, None] = {}
        self._untold_warnings = 0

    def add(
        self,
        text: str,
        kind: BlockKind = BlockKind.PARAGRAPH,
        *,
        level: int | None = None,
        page: int | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        rows: Rows | None = None,
        joiner: str = PARAGRAPH_BREAK,
    ) -> None:
        """Append a block after `joiner`; one without visible characters is left out. `rows` count its lines as given.

        Raises:
            DocumentRejected: the text is over the limit.
        """
        laid_out = kind in (BlockKind.CODE, BlockKind.TABLE)
        cleaned = clean(text)
        content = verbatim(cleaned) if laid_out else flow(cleaned)
        if not content.strip():
            return
        if kind is BlockKind.HEADING:
            content = content.replace("\n", " ")
            self._first_heading = self._first_heading or content
        span = self._append(content, joiner)
        table_rows = tuple(_runs(content, span.start, rows, _blank_lines(cleaned))) if rows else ()
        self._blocks.append(Block(span=span, kind=kind, level=level, page=page, bbox=bbox, table_rows=table_rows))

    def next_table(self, page: int | None = None) -> str:
        """Return the name of the next table of a page, or of a document without pages."""
        self._tables[page] += 1
        return f"table {self._tables[page]}"

    @property
    def length(self) -> int:
        """Return how many characters there are."""
        return self._length

    def include(self, document: ParsedDocument, *, under: int, name: str) -> None:
        """Append the text and blocks of `document`, which is part of this one; its warnings begin with `name`.

        Its headings go down by `under` levels. Its pages are left out: page 3 of an attachment is not page 3 of this.
        Its tables are known by `name` too.

        Raises:
            DocumentRejected: the text is over the limit.
        """
        start = self._append(document.text, PARAGRAPH_BREAK).start
        for block in document.blocks:
            span = Span(start + block.span.start, start + block.span.end)
            level = None if block.level is None else min(block.level + under, LOWEST_LEVEL)
            rows = tuple(_included(one, start, name) for one in block.table_rows)
            self._blocks.append(replace(block, span=span, level=level, page=None, bbox=None, table_rows=rows))
        self.warn(*(f"{name}: {warning}" for warning in document.warnings))

    def warn(self, *warnings: str) -> None:
        """Note what the uploader should know; repeated ones are kept once, of very many the first."""
        for warning in warnings:
            if len(self._warnings) < MAX_WARNINGS:
                self._warnings[warning] = None
            elif warning not in self._warnings:
                self._untold_warnings += 1

    def build(
        self, *, title: str | None = None, page_count: int | None = None, named_by_heading: bool = True
    ) -> ParsedDocument:
        """Return the document; its title is `title`, else its first heading when it is `named_by_heading`.

        Raises:
            DocumentRejected: nothing readable was added.
        """
        if not self._blocks:
            raise DocumentRejected(ReasonCode.NO_TEXT)
        named = flow(clean(title or "")).replace("\n", " ") or (self._first_heading if named_by_heading else None)
        return ParsedDocument(
            text="".join(self._pieces),
            blocks=tuple(self._blocks),
            title=named[:MAX_TITLE_CHARS] if named else None,
            page_count=page_count,
            warnings=(*self._warnings, *self._rest_of_warnings()),
        )

    def _rest_of_warnings(self) -> tuple[str, ...]:
        return (f"{self._untold_warnings} more warnings",) if self._untold_warnings else ()

    def _append(self, content: str, joiner: str) -> Span:
        if self._pieces:
            self._pieces.append(joiner)
            self._length += len(joiner)
        start = self._length
        self._length += len(content)
        if self._length > self.max_chars:
            raise DocumentRejected(ReasonCode.TOO_LARGE, f"more than {self.max_chars} characters of text")
        self._pieces.append(content)
        return Span(start, self._length)


def _blank_lines(cleaned: str) -> int:
    """Return how many lines before the first one with text are left out of the block."""
    return cleaned.count("\n", 0, len(cleaned) - len(cleaned.lstrip()))


def _runs(content: str, start: int, rows: Rows, skipped: int) -> Iterator[TableRows]:
    """Yield the rows of a block that begins at `start`, those that follow each other in one piece."""
    numbers = rows.numbers[skipped:] if skipped else rows.numbers
    jumps = [line for line, (before, here) in enumerate(pairwise(numbers), start=1) if here != before + 1]
    # Where each line begins is looked up only when it is asked for: most tables are one piece.
    begins = [0, *accumulate(len(line) + 1 for line in content.split("\n"))] if jumps else [0, len(content) + 1]
    first_lines = [line for line in (0, *jumps) if line < len(begins) - 1]
    ends = [begins[line] - 1 for line in first_lines[1:]] + [len(content)]
    table = rows.table and rows.table[:MAX_TABLE_NAME_CHARS]
    for line, end in zip(first_lines, ends, strict=True):
        span = Span(start + begins[line], start + end)
        yield TableRows(span=span, row=numbers[line], table=table, columns=rows.columns)


def _included(rows: TableRows, offset: int, name: str) -> TableRows:
    # Sheets as spreadsheets refer to those of other files.
    table = f"[{name}]{rows.table}" if rows.columns else ", ".join(filter(None, (name, rows.table)))
    return replace(rows, span=rows.span.shifted(offset), table=table)
