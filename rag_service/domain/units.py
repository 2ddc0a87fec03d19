"""Cuts a stream of text into units that can be verified alone: sentence, list item, table row, code block."""

import re
from collections.abc import Iterator

from rag_service.domain.marks import MARK, MARK_BEGUN
from rag_service.domain.sentences import (
    FULL_ENDERS,
    NOT_AN_END,
    OPEN_ENDERS,
    after_closers,
    is_line_marker,
    sentence_end,
)

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_ENDERS = OPEN_ENDERS | FULL_ENDERS


class UnitSplitter:
    """Holds text until a unit is complete. Changes nothing: the units joined are the text fed.

    Where the stream was cut into fragments makes no difference to the units.
    White space behind a unit belongs to it.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, fragment: str) -> Iterator[str]:
        """Yield the units that `fragment` completes."""
        self._held += fragment
        yield from self._release(complete=False)

    def finish(self) -> Iterator[str]:
        """Yield what is left."""
        yield from self._release(complete=True)

    def _release(self, *, complete: bool) -> Iterator[str]:
        while (end := unit_end(self._held, complete=complete)) is not None:
            unit, self._held = self._held[:end], self._held[end:]
            yield unit


def unit_end(text: str, *, complete: bool) -> int | None:
    """Return where the first unit of `text` ends, white space behind it included; None while it cannot be known."""
    start = _body_start(text)
    if start == len(text):
        return len(text) if text and complete else None
    end = _code_end(text, start) if _FENCE.match(text, start) else _line_or_sentence_end(text, start, complete=complete)
    if end is None:
        return len(text) if complete else None
    return _with_white_space(text, end, complete=complete)


def _line_or_sentence_end(text: str, start: int, *, complete: bool) -> int | None:
    line_end = text.find("\n", start)
    limit = len(text) if line_end < 0 else line_end
    if is_line_marker(text[start:limit] + ("" if line_end < 0 else "\n")):
        return None if line_end < 0 else line_end
    for at in range(start, limit):
        if text[at] not in _ENDERS:
            continue
        end = _decided_end(text[:limit], at, start=start, complete=complete or line_end >= 0)
        if end is None:
            return None
        if end > at:
            return end
    return None if line_end < 0 else line_end


def _decided_end(text: str, at: int, *, start: int, complete: bool) -> int | None:
    """Like `sentence_end`, but the marks behind a sentence belong to it."""
    closed = after_closers(text, at + 1)
    end = closed if MARK.match(text, closed) else _plain_end(text, at, closed, start=start, complete=complete)
    if end is None or end == NOT_AN_END:
        return end
    marked = _after_marks(text, end)
    if not complete and (marked == len(text) or MARK_BEGUN.match(text, marked)):
        return None
    return marked


def _plain_end(text: str, at: int, closed: int, *, start: int, complete: bool) -> int | None:
    if not complete and MARK_BEGUN.match(text, closed):
        return None
    return sentence_end(text, at, start=start, complete=complete)


def _after_marks(text: str, at: int) -> int:
    while mark := MARK.match(text, at):
        at = mark.end()
    return at


def _code_end(text: str, start: int) -> int | None:
    fence = _FENCE.match(text, start)
    closing = re.compile(rf"\n[ \t]*{re.escape(fence.group(1))}[`~]*[^\n]*(?=\n)") if fence else None
    found = closing.search(text, start) if closing else None
    return found.end() if found else None


def _with_white_space(text: str, end: int, *, complete: bool) -> int | None:
    after = end
    while after < len(text) and text[after].isspace():
        after += 1
    if after == len(text) and not complete:
        return None
    # Blanks that indent the next line belong to that line.
    line_start = text.rfind("\n", end, after)
    return after if line_start < 0 else line_start + 1


def _body_start(text: str) -> int:
    return next((index for index, char in enumerate(text) if not char.isspace()), len(text))
