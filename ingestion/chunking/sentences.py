"""Where sentences end, by the rules of Punkt (Kiss and Strunk 2006) without what it would learn from a language.

The same cuts as NLTK's `PunktSentenceTokenizer()`, after its patterns (NLTK Project, Apache License 2.0). Why it is not
imported: docs/adr/0020-cutting-without-imports.md.
"""

import string
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import regex  # type: ignore[import-untyped]  # as there: its white space and its letters are not quite those of re

_ENDS: Final = frozenset(".?!")
_NO_BEGIN: Final = frozenset(";:,.!?")
_NO_WORD: Final = r"""(?:[)";}\]*:@'({\[\u2018\u2019\u201c\u201d\xab\xbb?!])"""
_MANY: Final = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
_WORD: Final = regex.compile(
    rf"""{_MANY}|(?=[^("`{{\[:;&\#*@)}}\]\-,])\S+?(?=\s|$|{_NO_WORD}|{_MANY}|,(?=$|\s|{_NO_WORD}|{_MANY}))|\S"""
)
_END: Final = regex.compile(rf"[.?!](?=(?P<after>{_NO_WORD}|\s+(?P<next>\S+)))")
_CLOSING: Final = regex.compile(r"""["')\]}\u2018\u2019\u201c\u201d\xab\xbb]+?(?:\s+|(?=--)|$)""", regex.MULTILINE)
_NUMBER: Final = regex.compile(r"-?[.,]?\d[\d,.-]*\.?$")
_INITIAL: Final = regex.compile(r"[^\W\d]\.$")


def sentences(text: str) -> list[str]:
    """Return the sentences with the white space after each; none for a text of white space."""
    starts = [start for start, _ in _with_closings(text)]
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]


def _with_closings(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the sentences, quotes and brackets that close one drawn to it."""
    drawn = 0
    spans = list(_spans(text))
    for (begin, end), following in zip(spans, [*spans[1:], None], strict=True):
        start = begin + drawn
        closing = _CLOSING.match(text[slice(*following)]) if following else None
        drawn = closing.end() if closing else 0
        if closing and following:
            yield start, following[0] + len(closing[0].rstrip())
        elif start < end:
            yield start, end


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for found, context in _possible_ends(text):
        if _holds_an_end(context):
            yield start, found.end()
            start = found.start("next") if found["next"] else found.end()
    yield start, len(text.rstrip())


def _possible_ends(text: str) -> Iterator[tuple["regex.Match[str]", str]]:
    """Yield each mark that may end a sentence, the last of several on one word, with that word and what follows."""
    previous: regex.Match[str] | None = None
    begin = end = 0  # of the word before the previous mark
    for found in _END.finditer(text):
        space = max(text.rfind(character, end, found.start()) for character in string.whitespace) - end
        word = end + space + 1 if space > 0 else begin
        if previous and end <= word:
            yield previous, text[begin:end] + previous[0] + previous["after"]
        previous, begin, end = found, word, found.start()
    if previous:
        yield previous, text[begin:end] + previous[0] + previous["after"]


def _holds_an_end(context: str) -> bool:
    words = (word for line in context.split("\n") if line.strip() for word in _WORD.findall(line))
    return any(_ends(word, following) for word, following in pairwise(words))


def _ends(word: str, following: str) -> bool:
    if word in _ENDS:
        return True
    if not word.endswith(".") or word.endswith(".."):
        return False
    is_initial = _INITIAL.match(word) is not None
    if is_initial or _NUMBER.match(word):
        goes_on = following in _NO_BEGIN or following[0].islower()
        return not goes_on and not (is_initial and following[0].isupper())
    return True
