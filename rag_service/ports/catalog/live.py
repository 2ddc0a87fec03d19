"""Scores of answers that people got, and what of them has drifted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, TenantId
from rag_service.domain.live import Drift, LiveCandidate, LiveScore, LiveValues


class LiveAnswers(Protocol):
    """Scores go with their answers. Calls without a scope serve every tenant, and are for the service itself."""

    async def candidates(self, *, since: datetime) -> list[LiveCandidate]:
        """Return the answers whose questions came at `since` or later, scored or not, by time; none that is to be erased."""

    async def add(self, score: LiveScore) -> bool:
        """Keep the scores of an answer; False, and nothing is kept, when it is gone or has some already."""

    async def scores(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        *,
        since: datetime,
        before: datetime | None = None,
        with_questions: bool = False,
    ) -> list[LiveScore]:
        """Return the scores of answers asked within these moments, by time; none of a corpus outside the scope.

        The vectors of their questions are large: they are left empty unless they are asked for.
        """

    async def values_of_all(self, *, since: datetime) -> list[LiveValues]:
        """Return the scores of every corpus, of answers asked at `since` or later, in no order."""

    async def scored_corpora(
        self, *, since: datetime, before: datetime | None = None
    ) -> list[tuple[TenantId, CorpusId]]:
        """Return the corpora that have scores of answers asked within these moments, by id."""

    async def add_drifts(self, drifts: Sequence[Drift]) -> None:
        """Keep how a window compares; what is known of that window already stays."""

    async def drifts(self, scope: AccessScope, corpus_id: CorpusId, *, since: datetime) -> list[Drift]:
        """Return what is known of windows of a corpus that ended at `since` or later, newest first, then by measure."""

    async def drifts_of_all(self, *, since: datetime) -> list[Drift]:
        """Return the same of every corpus."""
