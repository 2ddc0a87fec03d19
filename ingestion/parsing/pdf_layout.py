"""Lines of a page to blocks: pure geometry, no PDF library."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from ingestion.parsing.canonical import LINE_BREAK, PARAGRAPH_BREAK
from rag_service.domain.documents import BlockKind

HEADING_RATIO = 1.1  # a heading is set larger than the body by this much, or bold
_LEVEL_RATIOS = (1.6, 1.3)  # level 1 from here, level 2 from here, else 3
_LOWEST_LEVEL = 3
_MAX_BOLD_HEADING_CHARS = 100
MAX_HEADING_CHARS = 200
_MAX_HEADING_LINES = 3
_PARAGRAPH_GAP = 0.6  # of a line's height between two lines
_MIN_TABLE_ROWS = 3
_ITEM_CELLS = 2  # a mark, and the item
_SHORT_LINE = 0.75  # of its block's width, where a paragraph ends

_HYPHENATED: Final = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\s*$")
_COMPOUND: Final = re.compile(r"(?:[A-Z\d]{2}|\w-\w+)[-\u00ad\u2010]\s*$")  # its hyphen is there to stay: LLM-generated
_LEADERS: Final = re.compile(r"\s*(?:[.·…_]\s?){6,}\s*")  # of tables of contents and forms
_MARK: Final = re.compile(r"[^\w\s]|\(?\w{1,3}[.)]|\d(?:\.\d+)*")
_ITEM: Final = re.compile(r"(?:[-*•‣·◦▪–]|\(?\d{1,3}[.)])\s+\S")
_ENDS_SENTENCE: Final = re.compile(r"[.!?:;。！？][\"'”’)\]]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text and where it stands, in points from the page's top left corner.

    `cells` are its parts when wide gaps part it; `is_at_edge` says that it may be no part of the text. `paragraph`
    numbers those of a page where they are known.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    is_bold: bool = False
    is_rotated: bool = False
    is_at_edge: bool = False
    cells: tuple[str, ...] = ()
    paragraph: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBlock:
    """A block of one page. `joiner` parts it from what came before."""

    text: str
    kind: BlockKind
    level: int | None
    bbox: tuple[float, float, float, float]
    joiner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyFont:
    """The font that most characters of a document are set in."""

    size: float = 0.0
    is_bold: bool = False


def body_font(lines: Iterable[Line]) -> BodyFont:
    """Return size and weight of most characters; a size of 0 without lines."""
    fonts: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        fonts[line.size, line.is_bold] += len(line.text)
    if not fonts:
        return BodyFont()
    size, is_bold = fonts.most_common(1)[0][0]
    return BodyFont(size=size, is_bold=is_bold)


def blocks_of(lines: Sequence[Line], *, body: BodyFont) -> list[PageBlock]:
    """Return headings, list items, tables and paragraphs of a page, in the order of its lines."""
    blocks: list[PageBlock] = []
    ordinary: list[Line] = []
    for is_row, run in groupby(_whole(lines), _is_row):
        rows = list(run)
        if not is_row or len(rows) < _MIN_TABLE_ROWS:
            ordinary += rows
            continue
        blocks += [_block(group, body) for group in _grouped(ordinary, body)]
        blocks.append(_table(rows))
        ordinary = []
    return blocks + [_block(group, body) for group in _grouped(ordinary, body)]


def joined(lines: Sequence[Line]) -> str:
    """Return the lines as running text; a word broken by a hyphen at a line's end is whole again."""
    text = ""
    for line in lines:
        piece = line.text.strip()
        if not text:
            text = piece
        elif _HYPHENATED.search(text) and piece[:1].islower():
            text = _HYPHENATED.sub("-" if _COMPOUND.search(text) else "", text) + piece
        else:
            text = f"{text} {piece}"
    return _LEADERS.sub(" … ", text)


def _whole(lines: Sequence[Line]) -> list[Line]:
    """Put lines together again that the library parted at a wide gap."""
    whole: list[Line] = []
    for line in lines:
        if whole and _stands_beside(whole[-1], line):
            whole[-1] = _side_by_side(whole[-1], line)
        else:
            whole.append(line)
    return whole


def _stands_beside(before: Line, line: Line) -> bool:
    if before.is_rotated or line.is_rotated:
        return False
    height = min(before.bottom - before.top, line.bottom - line.top)
    return abs(line.top - before.top) < height / 2 and line.left > before.right + line.size


def _side_by_side(left: Line, right: Line) -> Line:
    return replace(
        left,
        text=f"{left.text.strip()} {right.text.strip()}",
        top=min(left.top, right.top),
        right=right.right,
        bottom=max(left.bottom, right.bottom),
        is_bold=left.is_bold and right.is_bold,
        cells=(*(left.cells or (left.text.strip(),)), *(right.cells or (right.text.strip(),))),
    )


def _is_row(line: Line) -> bool:
    is_item = len(line.cells) == _ITEM_CELLS and _MARK.fullmatch(line.cells[0]) is not None
    return len(line.cells) > 1 and not line.is_rotated and not is_item


def _table(rows: Sequence[Line]) -> PageBlock:
    text = ""
    for before, row in zip([None, *rows], rows, strict=False):
        text += (_row_joiner(before, row) if before else "") + " | ".join(row.cells)
    return PageBlock(
        text=text,
        kind=BlockKind.TABLE,
        level=None,
        bbox=_box(rows),
        joiner=PARAGRAPH_BREAK,
    )


def _row_joiner(before: Line, row: Line) -> str:
    # Raised and lowered characters end a line for the library, but not for readers.
    goes_on = row.top < (before.top + before.bottom) / 2 and row.left > before.left
    return " " if goes_on else "\n"


def _box(lines: Sequence[Line]) -> tuple[float, float, float, float]:
    return (
        min(line.left for line in lines),
        min(line.top for line in lines),
        max(line.right for line in lines),
        max(line.bottom for line in lines),
    )


def _grouped(lines: Sequence[Line], body: BodyFont) -> list[list[Line]]:
    groups: list[list[Line]] = []
    for line in lines:
        if groups and _continues(groups[-1], line, body):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _continues(group: list[Line], line: Line, body: BodyFont) -> bool:
    before = group[-1]
    if _level(before, body) != _level(line, body) or _ITEM.match(line.text.strip()):
        return False
    if line.paragraph is not None:
        return line.paragraph == before.paragraph
    height = max(before.bottom - before.top, line.bottom - line.top, 1.0)
    if abs(line.top - before.top) < height / 2:
        return True  # the rest of the same line, after a wide space
    gap = line.top - before.bottom
    if gap > height * _PARAGRAPH_GAP or gap < -height:
        return False
    width = max(part.right for part in group) - min(part.left for part in group)
    ends_short = before.right - before.left < _SHORT_LINE * max(width, line.right - line.left)
    return not (ends_short and _ENDS_SENTENCE.search(before.text.strip()) is not None)


def _level(line: Line, body: BodyFont) -> int | None:
    if body.size <= 0 or line.is_rotated or len(line.text) > MAX_HEADING_CHARS:
        return None
    ratio = line.size / body.size
    if ratio < HEADING_RATIO:
        return _LOWEST_LEVEL if ratio >= 1 and _is_bold_heading(line, body) else None
    return next((level for level, at_least in enumerate(_LEVEL_RATIOS, start=1) if ratio >= at_least), _LOWEST_LEVEL)


def _is_bold_heading(line: Line, body: BodyFont) -> bool:
    text = line.text.strip()
    short = len(text) <= _MAX_BOLD_HEADING_CHARS and not _ENDS_SENTENCE.search(text)
    return line.is_bold and not body.is_bold and short and not _ITEM.match(text)


def _block(group: list[Line], body: BodyFont) -> PageBlock:
    text = joined(group)
    level = _level(group[0], body) if len(group) <= _MAX_HEADING_LINES and any(c.isalpha() for c in text) else None
    is_item = level is None and _ITEM.match(text) is not None
    return PageBlock(
        text=text,
        kind=BlockKind.HEADING if level else BlockKind.LIST_ITEM if is_item else BlockKind.PARAGRAPH,
        level=level,
        bbox=_box(group),
        # A paragraph that goes on in the next column or page stays one for readers and sentence splitters.
        joiner=LINE_BREAK if is_item or (level is None and text[:1].islower()) else PARAGRAPH_BREAK,
    )
