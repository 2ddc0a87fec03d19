"""Differences of texts that people read: by paragraphs, then by words inside the paragraphs that changed."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_WORD = re.compile(r"\s+|\S+\s*")
_COMPARED_AT_ONCE = 1_000_000
"""Pairs of paragraphs or words above which two stretches are not compared any further: keeps huge documents quick."""


class RunKind(StrEnum):
    """What became of a run of words."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRun:
    """Words that share a fate."""

    kind: RunKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Whole paragraphs that changed. The starts are offsets in characters; without `removed` something is only added.

    `runs` tells word by word how `removed` became `added`.
    """

    start_before: int
    start_after: int
    removed: str
    added: str
    runs: tuple[WordRun, ...]


def text_diff(old: str, new: str) -> tuple[Hunk, ...]:
    """Return what changed between two texts, in order: put in place of what was there, it makes `new` of `old`."""
    before, after = _paragraphs(old), _paragraphs(new)
    starts_before, starts_after = _starts(before), _starts(after)
    return tuple(
        _hunk(starts_before[i], starts_after[j], "".join(before[i:i_end]), "".join(after[j:j_end]))
        for i, i_end, j, j_end in _changed(before, after)
    )


def apply(hunks: Sequence[Hunk], old: str) -> str:
    """Return the text that the hunks make of `old`."""
    pieces, place = [], 0
    for hunk in hunks:
        pieces += [old[place : hunk.start_before], hunk.added]
        place = hunk.start_before + len(hunk.removed)
    return "".join([*pieces, old[place:]])


def _hunk(start_before: int, start_after: int, removed: str, added: str) -> Hunk:
    runs = tuple(_runs(removed, added))
    return Hunk(start_before=start_before, start_after=start_after, removed=removed, added=added, runs=runs)


def _runs(removed: str, added: str) -> Iterator[WordRun]:
    before, after = _WORD.findall(removed), _WORD.findall(added)
    for i, i_end, j, j_end, is_kept in _stretches(before, after):
        if is_kept:
            yield WordRun(kind=RunKind.KEPT, text="".join(before[i:i_end]))
            continue
        if i < i_end:
            yield WordRun(kind=RunKind.REMOVED, text="".join(before[i:i_end]))
        if j < j_end:
            yield WordRun(kind=RunKind.ADDED, text="".join(after[j:j_end]))


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the stretches of paragraphs that differ, neighbours joined."""
    open_at: tuple[int, int] | None = None
    i_end = j_end = 0
    for i, i_next, j, j_next, is_kept in _anchored(before, after):
        if is_kept and open_at is not None:
            yield open_at[0], i_end, open_at[1], j_end
            open_at = None
        elif not is_kept and open_at is None:
            open_at = (i, j)
        i_end, j_end = i_next, j_next
    if open_at is not None:
        yield open_at[0], i_end, open_at[1], j_end


_Stretch = tuple[int, int, int, int, bool]


def _anchored(before: Sequence[str], after: Sequence[str]) -> Iterator[_Stretch]:
    """Compare between the paragraphs that both texts have once and in the same order: costs n log n, unlike difflib."""
    i = j = 0
    for i_anchor, j_anchor in [*_anchors(before, after), (len(before), len(after))]:
        for a, a_end, b, b_end, is_kept in _stretches(before[i:i_anchor], after[j:j_anchor]):
            yield i + a, i + a_end, j + b, j + b_end, is_kept
        if i_anchor < len(before):
            yield i_anchor, i_anchor + 1, j_anchor, j_anchor + 1, True
        i, j = i_anchor + 1, j_anchor + 1


def _stretches(before: Sequence[str], after: Sequence[str]) -> Iterator[_Stretch]:
    """Yield alternately what both have and what differs."""
    if not before and not after:
        return
    if len(before) * len(after) > _COMPARED_AT_ONCE:
        yield 0, len(before), 0, len(after), before == after
        return
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        yield i, i_end, j, j_end, tag == "equal"


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of the paragraphs that occur once in both, as many as are in one order."""
    once_before, once_after = _once(before), _once(after)
    common = [(place, once_after[text]) for text, place in once_before.items() if text in once_after]
    return _longest_ascending(common)


def _once(paragraphs: Sequence[str]) -> dict[str, int]:
    counts = Counter(paragraphs)
    return {text: place for place, text in enumerate(paragraphs) if counts[text] == 1}


def _longest_ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return a longest choice of `pairs`, which ascend on their left side, that ascends on both."""
    ends: list[int] = []  # the smallest right side that ends a chain of each length
    last: list[int] = []  # the pair that has it
    previous: list[int] = []
    for place, (_, right) in enumerate(pairs):
        length = bisect_left(ends, right)
        previous.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [right]
        last[length : length + 1] = [place]
    chain, place = [], last[-1] if last else -1
    while place >= 0:
        chain.append(pairs[place])
        place = previous[place]
    return chain[::-1]


def _paragraphs(text: str) -> list[str]:
    """Cut a text after each blank line; the pieces joined are the text."""
    cuts = [0, *(match.end() for match in _PARAGRAPH.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


def _starts(paragraphs: Sequence[str]) -> list[int]:
    """Return where each paragraph starts, and where the text ends."""
    starts = [0]
    for paragraph in paragraphs:
        starts.append(starts[-1] + len(paragraph))
    return starts
