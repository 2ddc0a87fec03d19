"""A document as sections: a heading, the path of headings above it, and what follows up to the next heading."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.spans import Span

MAX_PATH_HEADING_CHARS = 200
"""A longer heading is read as a paragraph: it would crowd the text out of its chunks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`path` holds the spans of the headings that apply, outermost first, its own last."""

    path: tuple[Span, ...]
    heading: Block | None
    body: tuple[Block, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The heading, when there is one, and the body."""
        return (self.heading, *self.body) if self.heading else self.body


def sections_of(document: ParsedDocument) -> list[Section]:
    """Return the sections in reading order; text before the first heading is a section without one."""
    sections: list[Section] = []
    open_headings: list[Block] = []
    heading: Block | None = None
    body: list[Block] = []
    for block in document.blocks:
        if not _is_path_heading(block):
            body.append(block)
            continue
        if heading or body:
            sections.append(_section(open_headings, heading, body))
        level = block.level or 1
        open_headings = [above for above in open_headings if (above.level or 1) < level] + [block]
        heading, body = block, []
    if heading or body:
        sections.append(_section(open_headings, heading, body))
    return sections


def _is_path_heading(block: Block) -> bool:
    return block.kind is BlockKind.HEADING and len(block.span) <= MAX_PATH_HEADING_CHARS


def _section(open_headings: Sequence[Block], heading: Block | None, body: Sequence[Block]) -> Section:
    return Section(path=tuple(block.span for block in open_headings), heading=heading, body=tuple(body))
