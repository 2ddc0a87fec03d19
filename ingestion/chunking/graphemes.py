"""Where a text may be cut without breaking what readers see as one character."""

from bisect import bisect_right
from collections.abc import Sequence

import regex  # type: ignore[import-untyped]  # knows graphemes, which re does not

from rag_service.domain.spans import Span

MAX_GRAPHEME_CHARS = 64
"""A longer "character" is an attack or an accident, and is cut like a word."""

_GRAPHEME = regex.compile(r"\X")


class Cuts:
    """The places at which the part `span` of `text` may be cut; its ends are among them."""

    def __init__(self, text: str, span: Span) -> None:
        self._text = text
        self._offset = span.start
        self._places = _places(text[span.start : span.end])

    def before(self, place: int) -> int:
        """Return the last cut at or before `place`."""
        return self._offset + self._places[bisect_right(self._places, place - self._offset) - 1]

    def middle(self, span: Span) -> int | None:
        """Return the cut nearest the middle of `span` and inside it, None when there is none."""
        index = bisect_right(self._places, (span.start + span.end) // 2 - self._offset) - 1
        near = (self._offset + place for place in self._places[index : index + 2])
        return next((place for place in near if span.start < place < span.end), None)

    def trimmed(self, span: Span) -> Span:
        """Return `span` without the white space at its ends, as far as that may be cut off."""
        start, end = span.start, span.end
        while start < end and self._text[start].isspace() and self.before(start + 1) == start + 1:
            start += 1
        while end > start and self._text[end - 1].isspace() and self.before(end - 1) == end - 1:
            end -= 1
        return Span(start, end)


def _places(text: str) -> Sequence[int]:
    if text.isascii():
        return range(len(text) + 1)  # clean text has no carriage return, the only ASCII character that joins
    places = [0]
    for found in _GRAPHEME.finditer(text):
        while found.end() - places[-1] > MAX_GRAPHEME_CHARS:
            places.append(places[-1] + MAX_GRAPHEME_CHARS)
        places.append(found.end())
    return places
