"""An answer cut where its citations begin and end, so that a page can number them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rag_service.domain.marks import MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPart:
    """Text without marks like [2], and the places in the list of citations, from 1, of those that end with it."""

    text: str
    is_cited: bool
    numbers: tuple[int, ...]


def parts_of_answer(text: str, cited: Sequence[Mapping[str, Any]]) -> tuple[AnswerPart, ...]:
    """Return the answer in parts, every other character once; offsets outside of the text are moved to its ends."""
    spans = [(max(0, one["start"]), min(len(text), one["end"])) for one in cited]
    cuts = sorted({0, len(text), *(place for span in spans for place in span if 0 <= place <= len(text))})
    return tuple(
        AnswerPart(
            text=MARK.sub("", text[start:end]),
            is_cited=any(first <= start and end <= last for first, last in spans),
            numbers=tuple(number for number, (_, last) in enumerate(spans, start=1) if last == end),
        )
        for start, end in pairwise(cuts)
    )
