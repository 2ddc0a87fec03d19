"""Running titles: what stands at the edge of page after page is not part of the text."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Final

from ingestion.parsing.pdf_layout import Line

EDGE = 0.1
"""Of a page's height, where page numbers and running titles stand."""

_NEAR_PAGES = 4  # on either side of a page
_MIN_PAGES = 3  # of those, a line stands on when it is a running title
_DIGITS: Final = re.compile(r"\d+")

Page = tuple[int, list[Line]]


def without_running_lines(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield the pages without lines that pages near them have at an edge too, numbers in them aside.

    A window of pages is in memory. Left and right pages may have titles of their own, and chapters theirs.
    """
    window: deque[Page] = deque()
    counts: Counter[str] = Counter()
    waiting = 0
    for page in pages:
        window.append(page)
        counts.update(_running(page))
        waiting += 1
        if waiting > _NEAR_PAGES:
            yield _without(window[-waiting], counts)
            waiting -= 1
        if len(window) > 2 * _NEAR_PAGES:
            counts.subtract(_running(window.popleft()))
    while waiting:
        yield _without(window[-waiting], counts)
        waiting -= 1


def is_stamp(line: Line) -> bool:
    """Say whether it is a page number, or written along the page's side: these are no part of the text."""
    return line.is_at_edge and (line.is_rotated or line.text.strip().isdecimal())


def _without(page: Page, counts: Counter[str]) -> Page:
    number, lines = page
    kept = [line for line in lines if not (line.is_at_edge and counts[_mark(line)] >= _MIN_PAGES)]
    return page if len(kept) == len(lines) else (number, kept)


def _running(page: Page) -> set[str]:
    return {_mark(line) for line in page[1] if line.is_at_edge}


def _mark(line: Line) -> str:
    return _DIGITS.sub("#", line.text.strip().lower())
