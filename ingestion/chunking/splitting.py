"""Cuts text that is too long for one chunk: at sentences where it can, inside a word where it must."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ingestion.chunking.graphemes import Cuts
from ingestion.chunking.packing import CountTokens, IndivisibleError, packed
from ingestion.chunking.sentences import sentences
from rag_service.domain.spans import Span

_RUN: Final = re.compile(r"[^\s。！？｡]+[。！？｡]*|[。！？｡]+")  # scripts without spaces end their sentences with these
_SENTENCE_WITHOUT_SPACES: Final = re.compile(r"[^。！？｡.!?\n]+[。！？｡.!?\n」』”）]*|[。！？｡.!?\n」』”）]+")
_CHARS_PER_SPACE = 25  # a text with fewer spaces is in a script that does without
_LONG_RUN_CHARS = 48  # longer ones are measured: they may be over the budget, and then no splitter is fast on them
_STRETCH_CHARS = 20_000  # what the sentence splitter is given at once


def split(text: str, span: Span, *, budget: int, overlap: int, count_tokens: CountTokens) -> list[Span]:
    """Return spans of at most `budget` tokens, ascending, that hold every non-space character of `span`.

    No grapheme is cut. With `overlap` 0 the spans do not overlap.
    """
    cuts = Cuts(text, span)
    pieces: list[Span] = []
    for stretch, is_word in _stretches(text, span, budget, count_tokens):
        pieces += [stretch] if is_word else _sentences(text, stretch, budget, overlap, count_tokens)
    whole = _snapped(pieces, span, cuts)
    return [part for piece in whole for part in _halved(text, piece, cuts, budget, count_tokens)]


def _stretches(text: str, span: Span, budget: int, count_tokens: CountTokens) -> Iterator[tuple[Span, bool]]:
    """Yield stretches of ordinary text, and between them the words that alone are over the budget (True)."""
    start = span.start
    for run in _RUN.finditer(text, span.start, span.end):
        if _is_over(run[0], budget, count_tokens):
            if start < run.start():
                yield Span(start, run.start()), False
            yield Span(*run.span()), True
            start = run.end()
        elif run.end() - start > _STRETCH_CHARS:
            yield Span(start, run.end()), False
            start = run.end()
    if start < span.end:
        yield Span(start, span.end), False


def _is_over(word: str, budget: int, count_tokens: CountTokens) -> bool:
    if len(word) <= min(_LONG_RUN_CHARS, budget):
        return False
    return len(word) > _STRETCH_CHARS or count_tokens(word) > budget


def _sentences(text: str, span: Span, budget: int, overlap: int, count_tokens: CountTokens) -> list[Span]:
    if not span.of(text).strip():
        return []
    try:
        pieces = packed(
            span.of(text),
            budget=budget,
            overlap=min(overlap, budget // 2),
            count_tokens=count_tokens,
            # The usual way needs spaces; without them its time grows with the square of the length.
            find_sentences=sentences if _has_spaces(span.of(text)) else _SENTENCE_WITHOUT_SPACES.findall,
        )
    except IndivisibleError:
        return [span]  # the caller cuts as far as it can
    return _located(text, span, pieces)


def _has_spaces(text: str) -> bool:
    return sum(map(text.count, " \n")) * _CHARS_PER_SPACE >= len(text)


def _located(text: str, span: Span, pieces: Iterable[str]) -> list[Span]:
    """Find the pieces again: the splitter strips them, so their offsets are lost."""
    spans: list[Span] = []
    previous = Span(span.start, span.start)
    for piece in pieces:
        uncovered = _next_letter(text, previous.end, span.end)
        # The last place that leaves no character out: where text repeats itself, an earlier one could.
        start = text.rfind(piece, previous.start, min(span.end, uncovered + len(piece)))
        if start < 0:
            break
        previous = Span(start, start + len(piece))
        spans.append(previous)
    rest = _next_letter(text, previous.end, span.end)
    return [*spans, Span(rest, span.end)] if rest < span.end else spans


def _next_letter(text: str, start: int, end: int) -> int:
    found = _RUN.search(text, start, end)
    return found.start() if found else end


def _snapped(pieces: Iterable[Span], span: Span, cuts: Cuts) -> list[Span]:
    """Move the ends to places where the text may be cut, and let no gap open between them."""
    snapped: list[Span] = []
    for piece in pieces:
        start, end = cuts.before(piece.start), cuts.before(piece.end)
        if snapped:
            start = min(start, snapped[-1].end) if piece.start >= snapped[-1].end else start
        if end > start:
            snapped.append(Span(start, end))
    if snapped and snapped[-1].end < span.end:
        snapped.append(Span(snapped[-1].end, span.end))
    return snapped or [span]


def _halved(text: str, span: Span, cuts: Cuts, budget: int, count_tokens: CountTokens) -> list[Span]:
    """Cut `span` at grapheme boundaries until each piece is within the budget."""
    done: list[Span] = []
    todo = [span]
    while todo:
        piece = cuts.trimmed(todo.pop())
        if not len(piece):
            continue
        middle = cuts.middle(piece)
        if middle is None or (len(piece) <= _STRETCH_CHARS and count_tokens(piece.of(text)) <= budget):
            done.append(piece)
        else:
            todo += [Span(middle, piece.end), Span(piece.start, middle)]
    return done
