"""Where sentences begin and end, in many scripts, by rules alone."""

import re
import unicodedata
from collections.abc import Iterator

from rag_service.domain.spans import Span
from rag_service.domain.table_rows import CELL_BREAK
from rag_service.domain.words import word_set

OPEN_ENDERS = frozenset(".!?…؟\u06d4።")
"""Terminators that need white space or the end of the text behind them."""

FULL_ENDERS = frozenset("。\uff01\uff1f｡।॥")
"""Terminators that end a sentence wherever they stand."""

NOT_AN_END = -1

_CLOSERS = frozenset("\"'”\u2019»)]}】」』\uff09〉》\u203a")
_TITLES = word_set("mr mrs ms dr prof st gen col lt sgt rep sen gov rev hon capt messrs ph.d")
_NEVER_LAST = word_set("e.g i.e eg cf vs v viz approx ca")
_BEFORE_NUMBERS = word_set(
    "no nos fig figs eq vol vols p pp ch sec art al para tab ref jan feb mar apr jun jul aug sep sept oct nov dec"
)
_STARTERS = word_set(
    "the a an this that these those it its he she they we i you his her their our there here in on at by from for as "
    "after before during when while if although however but and so then what who where why how"
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_NEXT_WORD = re.compile(r"[^\W\d_]+")
_LAST_TOKEN = re.compile(r"\S*$")
_LINE_MARKER = re.compile(r"[ \t]*(?:(?:[-*+•‣◦\u2013—>]|#{1,6}|\d{1,3}[.)]|[a-zA-Z]\))(?:\s|$)|\||```|~~~)")
_SOFT_WRAP_CHARS = 50
_MAY_STILL_CLOSE = ("", " ", " '")
_THAI = re.compile(r"[\u0e00-\u0e7f]")
_THAI_SENTENCE_CHARS = 60
_MAY_END = re.compile(f"[\\n{re.escape(''.join(sorted(OPEN_ENDERS | FULL_ENDERS)))}]|(?<=[\u0e00-\u0e7f]) ")
_EXTENDERS = frozenset("\u200c\u200d\uff9e\uff9f")


def sentence_spans(text: str) -> list[Span]:
    """Return the sentences of `text` in order, without white space at their ends.

    List items, table rows and headings, one a line, are sentences. Every character that is not white space
    lies in exactly one span, and no span cuts a character cluster (a letter with its marks, a joined emoji).
    """
    spans = []
    start = 0
    for end in (*_boundaries(text), len(text)):
        stripped = text[start:end].strip()
        if stripped:
            first = text.index(stripped[0], start)
            # A blank that carries a combining mark belongs to its sentence.
            carried = extends_cluster(stripped[0]) and first > start and text[first - 1].isprintable()
            spans.append(Span(first - carried, first + len(stripped)))
        start = end
    return spans


def sentence_end(text: str, at: int, *, start: int = 0, complete: bool = True) -> int | None:
    """Return where the sentence ends that the terminator at `at` may close, or NOT_AN_END when it closes none.

    `start` is where the sentence began. With `complete` false more text may follow, and None says that what
    is there does not decide yet.
    """
    end = after_closers(text, at + 1)
    if not complete and text[end:] in _MAY_STILL_CLOSE:
        return None
    if end == len(text):
        return end
    if text[at] in FULL_ENDERS or any(char in FULL_ENDERS for char in text[at:end]):
        return end
    following = _next_character(text, end)
    if following == len(text) and not complete:
        return None
    if following == end or _continues(text, at, following, start):
        return NOT_AN_END
    return _unless_initials(text, at, end, following, start, complete=complete)


def after_closers(text: str, end: int) -> int:
    """Return where the terminators, quotation marks and brackets that begin at `end` are over."""
    while end < len(text):
        if text[end] in _CLOSERS or text[end] in OPEN_ENDERS or text[end] in FULL_ENDERS or extends_cluster(text[end]):
            end += 1
        elif text.startswith(" ''", end):
            end += 3  # the closing quotation mark of tokenised text stands behind a space
        else:
            break
    return end


def is_line_marker(line: str) -> bool:
    """Say whether `line` begins as a list item, table row, heading, quotation or code fence does."""
    return _LINE_MARKER.match(line) is not None


def extends_cluster(char: str) -> bool:
    """Say whether `char` belongs to the character before it."""
    return (
        unicodedata.category(char).startswith("M")
        or char in _EXTENDERS
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _boundaries(text: str) -> Iterator[int]:
    start, at = 0, 0
    while found := _MAY_END.search(text, at):
        end = _boundary_at(text, found.start(), start)
        if found.start() < end < len(text):
            yield end
            start = end
        at = max(end, found.start() + 1)


def _boundary_at(text: str, at: int, start: int) -> int:
    char = text[at]
    if char == "\n":
        return at + 1 if _ends_line(text, at) else NOT_AN_END
    if char in FULL_ENDERS or char in OPEN_ENDERS:
        end = sentence_end(text, at, start=start)
        return NOT_AN_END if end is None else end
    if char == " " and at - start >= _THAI_SENTENCE_CHARS and _between_thai(text, at):
        return at + 1
    return NOT_AN_END


def _ends_line(text: str, at: int) -> bool:
    """Say whether the line break at `at` ends a sentence; it does not where a line was merely wrapped."""
    line_end = text.find("\n", at + 1)
    following = text[at + 1 : line_end if line_end >= 0 else len(text)]
    line = text[text.rfind("\n", 0, at) + 1 : at].strip()
    if not following.strip() or not line or is_line_marker(following):
        return True
    if CELL_BREAK in line or CELL_BREAK in following:
        return True
    if following.lstrip()[0].islower() and line[-1] != ":":
        return False
    return len(line) < _SOFT_WRAP_CHARS or line[0] in "|#" or line[-1] in ":;"


def _next_character(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _continues(text: str, at: int, following: int, start: int) -> bool:
    if following == len(text):
        return False
    char = text[following]
    if char.islower() or char in ",;:" or extends_cluster(char):
        return True
    return text[at] == "." and _is_abbreviated(text, at, following, start)


def _is_abbreviated(text: str, at: int, following: int, start: int) -> bool:
    token = _token_before(text, at, start)
    lowered = token.casefold()
    if lowered in _NEVER_LAST or (lowered in _TITLES and token[0].isupper()):
        return True
    if lowered in _BEFORE_NUMBERS and (text[following].isdigit() or text[following] == "("):
        return True
    return token.isdigit() and not text[_line_start(text, at, start) : at - len(token)].strip(" \t(")


def _unless_initials(text: str, at: int, end: int, following: int, start: int, *, complete: bool) -> int | None:
    """The word behind initials decides: "J. Smith" goes on, "in the U.S. The next" does not."""
    if text[at] != "." or following == len(text) or not text[following].isalpha():
        return end
    if not _INITIALS.fullmatch(_token_before(text, at, start)):
        return end
    word = _NEXT_WORD.match(text, following)
    if word is None:
        return end
    if word.end() == len(text) and not complete:
        return None
    return end if word.group().casefold() in _STARTERS else NOT_AN_END


def _token_before(text: str, at: int, start: int) -> str:
    found = _LAST_TOKEN.search(text[max(start, at - 20) : at])
    return found.group().lstrip("([{\"'“\u2018*_") if found else ""


def _line_start(text: str, at: int, start: int) -> int:
    return max(start, text.rfind("\n", 0, at) + 1)


def _between_thai(text: str, at: int) -> bool:
    around = text[at - 1] + text[at + 1 : at + 2]
    return len(around) > 1 and all(_THAI.match(char) for char in around) and not extends_cluster(text[at + 1])
