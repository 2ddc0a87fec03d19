"""May a unit of an answer leave, and with which citations?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from rag_service.domain.answers import Passage
from rag_service.domain.spans import Span


class Verdict(StrEnum):
    """What became of a unit. Layout carries no statement: a rule, the line under a table's head.

    Repaired: supported, but not by the passages its marks named.
    """

    SUPPORTED = "supported"
    REPAIRED = "repaired"
    DROPPED = "dropped"
    LAYOUT = "layout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """A quote that supports a unit: `quote` lies in the passage's text, `score` in [0, 1]."""

    passage: Passage
    quote: Span
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedUnit:
    """A unit without its marks, white space at its ends kept; `supports` is empty when it may not leave."""

    text: str
    verdict: Verdict
    supports: tuple[Support, ...] = ()


class UnitChecker(Protocol):
    """Decides about one unit of generated text (a sentence, list item, table row or code block)."""

    async def check(self, unit: str, *, question: str, passages: Sequence[Passage]) -> CheckedUnit:
        """Return the unit without its marks and what supports it; never raises for what the text holds."""
