"""How well passages answer a query, judged by reading both together: better than the index can, and slower."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol


class Reranker(Protocol):
    """Scores passages for a query. Rules every backend keeps: tests/contract/test_reranker.py.

    A score is any finite number, higher for the better passage; scores are compared within one call only. A passage's
    score does not depend on the passages beside it, and equal passages have equal scores, but for rounding.

    Raises:
        RerankerUnavailable: the model cannot be reached, loaded or run, before the first score or between two.
    """

    @property
    def name(self) -> str:
        """Backend and model, for records of what was measured."""

    def scores(self, query: str, texts: Sequence[str]) -> AsyncGenerator[Sequence[float], None]:
        """Yield the scores of `texts` in order, some at a time, until all have one.

        Who has no more time closes the iterator or cancels the step; what runs in a thread then ends by itself.
        """

    async def warm_up(self) -> None:
        """Load what is needed, so that the first query is as fast as the rest. Safe to repeat."""
