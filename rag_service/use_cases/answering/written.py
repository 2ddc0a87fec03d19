"""What was written for a question, checked and complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from rag_service.domain.answers import Citation, UnitEmitted, Usage

_CHAR_BYTES = 2
_UNIT_BYTES = 200
_CITATION_BYTES = 600
"""Of Python's objects round the texts, roughly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Verified units in order, and how they came about; without any when nothing survived or nobody wrote.

    `cached`: the words are those of another question, an earlier one or one asked at the same time.
    """

    units: tuple[UnitEmitted, ...] = ()
    dropped_units: int = 0
    declined: bool = False
    failed: bool = False
    by_stand_in: bool = False
    generator: str = "fixed"
    prompt_version: str = "none"
    usage: Usage = field(default_factory=Usage)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    cached: bool = False

    @property
    def text(self) -> str:
        """The message."""
        return "".join(unit.text for unit in self.units)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations, in order."""
        return tuple(chain.from_iterable(unit.citations for unit in self.units))

    @property
    def is_lasting(self) -> bool:
        """Whether the same question would be answered like this again: not when a model was down."""
        return not (self.failed or self.by_stand_in)

    @property
    def size_bytes(self) -> int:
        """Memory it takes, roughly."""
        citations = self.citations
        characters = len(self.text) + sum(len(one.quote) + len(one.location or "") for one in citations)
        return _CHAR_BYTES * characters + _UNIT_BYTES * (1 + len(self.units)) + _CITATION_BYTES * len(citations)

    def again(self) -> "Written":
        """Return it as an answer to another question has it: nobody was asked for that one."""
        return replace(self, usage=Usage(), timings_ms={}, cached=True)
