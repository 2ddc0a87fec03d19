"""A second look at the best passages, within a budget of time; what was found stands whatever becomes of it."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from rag_service.domain.answers import Passage
from rag_service.domain.documents import embedded_text
from rag_service.domain.exact_terms import exact_terms
from rag_service.errors import RerankerUnavailable
from rag_service.ports.reranker import Reranker
from rag_service.settings import RerankSettings

_log = structlog.get_logger()


class Reranking(StrEnum):
    """How a second look ended.

    Skipped: the fused scores, or words that are quoted, decide. Late: the budget was used before all were looked at. Failed: the order that was
    found stands.
    """

    DONE = "done"
    SKIPPED = "skipped"
    LATE = "late"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranked:
    """Passages in their new order, ranks from 1, and how it came about."""

    passages: tuple[Passage, ...]
    outcome: Reranking

    @property
    def is_short(self) -> bool:
        """Whether some passages that were to be looked at were not."""
        return self.outcome in {Reranking.LATE, Reranking.FAILED}


class RerankPassages:
    """Orders the first passages anew; those that it does not reach in time stay below, in the order they had."""

    def __init__(self, *, reranker: Reranker, settings: RerankSettings) -> None:
        self._reranker = reranker
        self._settings = settings
        self._ended: Counter[Reranking] = Counter()

    @property
    def ended(self) -> Mapping[Reranking, int]:
        """How many looks ended in which way since the start."""
        return {outcome: self._ended[outcome] for outcome in Reranking}

    def wanted(self, limit: int) -> int:
        """Return how many passages have to be found where `limit` are shown."""
        return max(limit, self._settings.candidates)

    async def __call__(
        self, query: str, passages: Sequence[Passage], *, limit: int, within_s: float | None = None
    ) -> Reranked:
        """Return the best `limit` of `passages`, which come best first; `within_s` may shorten the budget."""
        first = passages[: self._settings.candidates]
        scores, outcome = await self._scores(query, first, within_s=within_s or self._settings.budget_s)
        self._ended[outcome] += 1
        ordered = [*_ordered(first, scores, fused_weight=self._settings.fused_weight), *passages[len(scores) :]]
        ranked = [replace(passage, rank=rank) for rank, passage in enumerate(ordered[:limit], start=1)]
        return Reranked(passages=tuple(ranked), outcome=outcome)

    async def warm_up(self) -> None:
        """Load the model. Safe to repeat.

        Raises:
            RerankerUnavailable: it cannot be loaded or reached.
        """
        await self._reranker.warm_up()

    def _stands(self, query: str, first: Sequence[Passage]) -> bool:
        """Say whether the order that was found needs no second look."""
        # What holds a quoted phrase or a name to the letter was put first: no model shall undo that.
        return bool(exact_terms(query)) or is_decided(
            [passage.score for passage in first], gap=self._settings.decisive_gap
        )

    async def _scores(self, query: str, first: Sequence[Passage], *, within_s: float) -> tuple[list[float], Reranking]:
        """Return the scores of as many as there was time for, and how it ended."""
        if self._stands(query, first):
            return [], Reranking.SKIPPED
        texts = [embedded_text(passage.headings, passage.text) for passage in first]
        budget_s = min(within_s, self._settings.budget_s)
        found: list[float] = []
        try:
            async with asyncio.timeout(budget_s), aclosing(self._reranker.scores(query, texts)) as parts:
                async for part in parts:
                    found += part
        except TimeoutError:
            return found, Reranking.LATE
        except RerankerUnavailable as exc:
            _log.warning("reranking_failed", reranker=self._reranker.name, error=str(exc))
            return [], Reranking.FAILED
        return found, Reranking.DONE


def is_decided(fused: Sequence[float], *, gap: float) -> bool:
    """Say whether the best of the `fused` scores, in [0, 1] and falling, leads so far that no second look is needed."""
    return len(fused) < 2 or fused[0] - fused[1] >= gap  # noqa: PLR2004  (one passage has one order)


def _ordered(first: Sequence[Passage], scores: Sequence[float], *, fused_weight: float) -> list[Passage]:
    """Return the passages that have a score by both scores together, ties in the order they had."""
    looked_at = first[: len(scores)]
    fused = _spread([passage.score for passage in looked_at])
    blended = [fused_weight * old + (1 - fused_weight) * new for old, new in zip(fused, _spread(scores), strict=True)]
    return [looked_at[place] for place in sorted(range(len(blended)), key=lambda place: -blended[place])]


def _spread(scores: Sequence[float]) -> list[float]:
    """Return the scores between 0 for the lowest and 1 for the highest; 0 where all are equal."""
    lowest, highest = min(scores, default=0.0), max(scores, default=0.0)
    return [(score - lowest) / (highest - lowest) if highest > lowest else 0.0 for score in scores]
