"""Finds the words of a passage that a claim rests on."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag_service.domain.marks import MARK
from rag_service.domain.remembered import remembers_text
from rag_service.domain.sentences import sentence_spans
from rag_service.domain.spans import Span
from rag_service.domain.words import content_stems, stems

_TYPOGRAPHY = str.maketrans(
    {
        "\u2019": "'",
        "\u2018": "'",
        "“": '"',
        "”": '"',
        "\u2013": "-",
        "—": "-",
        "\u2011": "-",
        "`": "'",
        "*": None,
        "_": None,
    }
)
_SHORTEST_EXACT = 2
_LONGEST_WINDOW = 3
_PER_SENTENCE = 0.06
"""How much more of the claim another sentence must cover to be worth quoting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A span of the passage's text. `coverage` is the share of the claim's words in it, 1 when it is verbatim."""

    span: Span
    coverage: float
    verbatim: bool


def find_quote(claim: str, passage: str) -> Quote | None:
    """Return the best quote: the claim itself, else up to three sentences that share the most words with it."""
    wanted = claim.strip()
    if not wanted:
        return None
    verbatim = find_verbatim(wanted, passage)
    if verbatim is not None:
        return Quote(span=verbatim, coverage=1.0, verbatim=True)
    return _best_window(wanted, passage)


def find_verbatim(claim: str, passage: str) -> Span | None:
    """Return where `claim` stands in `passage`, whatever the white space, quotation marks, dashes and case."""
    start = passage.find(claim)
    if start >= 0 and _at_word_edges(passage, start, start + len(claim)):
        return Span(start, start + len(claim))
    needle, _ = _normalised(_bare(claim))
    if len(needle) < _SHORTEST_EXACT:
        return None
    haystack, origins = _normalised(passage)
    at = haystack.find(needle)
    while at >= 0:
        start, end = origins[at], origins[at + len(needle) - 1] + 1
        if _at_word_edges(passage, start, end):
            return Span(start, _with_end_mark(passage, end))
        at = haystack.find(needle, at + 1)
    return None


def _best_window(claim: str, passage: str) -> Quote | None:
    wanted = content_stems(claim) or stems(claim)
    sentences = sentence_spans(passage)
    held = [frozenset(stems(span.of(passage))) for span in sentences]
    best: tuple[float, Quote] | None = None
    for size in range(1, min(_LONGEST_WINDOW, len(sentences)) + 1):
        for first in range(len(sentences) - size + 1):
            coverage = _coverage(wanted, frozenset().union(*held[first : first + size]))
            worth = coverage - _PER_SENTENCE * size
            if coverage and (best is None or worth > best[0]):
                span = Span(sentences[first].start, sentences[first + size - 1].end)
                best = (worth, Quote(span=span, coverage=coverage, verbatim=False))
    return best[1] if best else None


def _coverage(wanted: Sequence[str], held: frozenset[str]) -> float:
    return sum(word in held for word in wanted) / len(wanted) if wanted else 0.0


@remembers_text
@lru_cache(maxsize=64)
def _normalised(text: str) -> tuple[str, tuple[int, ...]]:
    """The text without white space, marks and typography, and where each of its characters came from."""
    characters: list[str] = []
    origins: list[int] = []
    hidden = {index for mark in MARK.finditer(text) for index in range(mark.start(), mark.end())}
    for index, char in enumerate(text):
        if char.isspace() or index in hidden:
            continue
        for part in unicodedata.normalize("NFKC", char).translate(_TYPOGRAPHY).casefold():
            if not part.isspace():
                characters.append(part)
                origins.append(index)
    return "".join(characters), tuple(origins)


def _bare(claim: str) -> str:
    return claim.strip().lstrip("-*+•>#| ").rstrip(".。!?…*_ |")


def _at_word_edges(text: str, start: int, end: int) -> bool:
    return not _inside_word(text, start) and not _inside_word(text, end)


def _inside_word(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    # Scripts without spaces have no edges to respect.
    return before.isalnum() and after.isalnum() and before < "\u0e00" and after < "\u0e00"


def _with_end_mark(text: str, end: int) -> int:
    return end + 1 if text[end : end + 1] in {".", "!", "?", "。", "…"} else end
