"""A part of a revision's text round a quote, cut into blocks and marked: what source views show. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Text that is all quote, or all not."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBlock:
    """A block as shown. `new_page` is its page number where it is the first one shown of that page."""

    kind: BlockKind
    level: int | None
    new_page: int | None
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The blocks inside `window`, a span of the whole text of `text_chars` characters."""

    blocks: tuple[ShownBlock, ...]
    window: Span
    text_chars: int


def view_around(parsed: ParsedDocument, quote: Span, *, margin: int) -> View:
    """Return what lies at most `margin` characters before and after `quote`, every character once."""
    window = Span(max(0, quote.start - margin), min(len(parsed.text), quote.end + margin))
    shown, page = [], None
    for block in _without_gaps(parsed, window):
        inside = _overlap(block.span, window)
        new_page = block.page if block.page is not None and block.page != page else None
        page = block.page if block.page is not None else page
        segments = tuple(_segments(parsed.text, inside, quote))
        shown.append(ShownBlock(kind=block.kind, level=block.level, new_page=new_page, segments=segments))
    return View(blocks=tuple(shown), window=window, text_chars=len(parsed.text))


def clamp(start: int, end: int, length: int) -> Span:
    """Return the nearest span that a text of `length` characters has."""
    start = min(max(start, 0), length)
    return Span(start, min(max(end, start), length))


def _without_gaps(parsed: ParsedDocument, window: Span) -> Iterator[Block]:
    # What no block covers is shown as a paragraph, so that a quote can never be invisible.
    at = window.start
    for block in _inside(parsed.blocks, window):
        yield from _gap(parsed.text, at, min(block.span.start, window.end))
        yield block
        at = block.span.end
    yield from _gap(parsed.text, at, window.end)


def _inside(blocks: Iterable[Block], window: Span) -> Iterator[Block]:
    return (block for block in blocks if block.span.start < window.end and block.span.end > window.start)


def _gap(text: str, start: int, end: int) -> Iterator[Block]:
    if text[start:end].strip():
        yield Block(span=Span(start, end), kind=BlockKind.PARAGRAPH)


def _overlap(span: Span, other: Span) -> Span:
    return Span(max(span.start, other.start), min(span.end, other.end))


def _segments(text: str, span: Span, quote: Span) -> Iterator[Segment]:
    cuts = sorted({span.start, *(at for at in (quote.start, quote.end) if span.start < at < span.end), span.end})
    for start, end in pairwise(cuts):
        yield Segment(text=text[start:end], quoted=quote.start <= start and end <= quote.end)
