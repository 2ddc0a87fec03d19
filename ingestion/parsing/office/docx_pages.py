"""Where the pages of a Word file end, as far as Word wrote it down when it last laid the text out."""

import re
from typing import IO, Final

_PIECE_BYTES: Final = 2**16
_OVERLAP_BYTES: Final = 128
_MARK: Final = re.compile(rb"lastRenderedPageBreak|<\w+:sectPr[ />]|<\w+:type \w+:val=\"(even|odd)Page\"")


class Pages:
    """Counts pages along the text; `number` is None throughout when Word wrote no ends of pages."""

    def __init__(self, content: IO[bytes]) -> None:
        """`content` is the part with the text: what sort of page a section begins on stands behind the section."""
        self._has_ends = False
        self._sections: list[bytes] = []  # how each begins: on an "even" or "odd" page, empty for any
        self._look_through(content)
        self._page = 1
        self._section = 0

    @property
    def number(self) -> int | None:
        """The page at hand, from 1."""
        return self._page if self._has_ends else None

    def turn(self, number: int | None) -> None:
        """Go on with the page `number`."""
        self._page = number or self._page

    def end(self) -> None:
        """Go on with the next page."""
        self._page += 1

    def end_section(self) -> None:
        """Begin the next section: for one that begins on an odd page the page before it may stay empty."""
        self._section += 1
        begins_on = self._sections[self._section] if self._section < len(self._sections) else b""
        # The page that the section begins on is counted where Word noted its begin; this is the empty one.
        if begins_on and (self._page % 2 == 1) is (begins_on == b"odd"):
            self._page += 1

    def _look_through(self, content: IO[bytes]) -> None:
        rest = b""
        while piece := content.read(_PIECE_BYTES):
            text = rest + piece
            done = 0
            for mark in _MARK.finditer(text):
                self._note(mark)
                done = mark.end()
            rest = text[max(done, len(text) - _OVERLAP_BYTES) :]

    def _note(self, mark: re.Match[bytes]) -> None:
        if mark[1] and self._sections:
            self._sections[-1] = mark[1]
        elif mark[0] == b"lastRenderedPageBreak":
            self._has_ends = True
        elif not mark[1]:
            self._sections.append(b"")
