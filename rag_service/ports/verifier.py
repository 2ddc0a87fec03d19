"""Does a quote support a claim?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement and the text that should support it. `question` gives the context in which it was made."""

    text: str
    evidence: str
    question: str = ""


class Verifier(Protocol):
    """Scores support. Rules every backend keeps: tests/contract/test_verifier.py."""

    @property
    def name(self) -> str:
        """Backend and model, for the answer record."""

    async def support(self, claims: Sequence[Claim]) -> list[float]:
        """Return one score in [0, 1] per claim, in order: 1 for a claim that is verbatim in its evidence."""
