"""The one builder of canonical text: every parser says its blocks here, in reading order."""

from dataclasses import replace

from ingestion.parsing.cleaning import clean, flow, verbatim
from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.spans import Span
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

MAX_TITLE_CHARS = 500
LOWEST_LEVEL = 6
MAX_WARNINGS = 100
PARAGRAPH_BREAK = "\n\n"
LINE_BREAK = "\n"


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
        joiner: str = PARAGRAPH_BREAK,
    ) -> None:
        """Append a block after `joiner`; one without visible characters is left out.

        Raises:
            DocumentRejected: the text is over the limit.
        """
        laid_out = kind in (BlockKind.CODE, BlockKind.TABLE)
        content = verbatim(clean(text)) if laid_out else flow(clean(text))
        if not content.strip():
            return
        if kind is BlockKind.HEADING:
            content = content.replace("\n", " ")
            self._first_heading = self._first_heading or content
        span = self._append(content, joiner)
        self._blocks.append(Block(span=span, kind=kind, level=level, page=page, bbox=bbox))

    @property
    def length(self) -> int:
        """Return how many characters there are."""
        return self._length

    def include(self, document: ParsedDocument, *, under: int, name: str) -> None:
        """Append the text and blocks of `document`, which is part of this one; its warnings begin with `name`.

        Its headings go down by `under` levels. Its pages are left out: page 3 of an attachment is not page 3 of this.

        Raises:
            DocumentRejected: the text is over the limit.
        """
        start = self._append(document.text, PARAGRAPH_BREAK).start
        for block in document.blocks:
            span = Span(start + block.span.start, start + block.span.end)
            level = None if block.level is None else min(block.level + under, LOWEST_LEVEL)
            self._blocks.append(replace(block, span=span, level=level, page=None, bbox=None))
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
