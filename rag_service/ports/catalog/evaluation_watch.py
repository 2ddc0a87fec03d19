"""What is measured without being asked for, over all tenants: for the evaluation worker and for operators."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.evaluation_watch import WatchedCorpus
from rag_service.domain.evaluations import EvalRun, RunPurpose
from rag_service.domain.ids import CorpusId
from rag_service.domain.jobs import JobKind


class EvaluationWatch(Protocol):
    """Looks at corpora, runs and gates. Calls without a scope serve every tenant, and are for the service itself."""

    async def corpora(self) -> list[WatchedCorpus]:
        """Return the corpora that are measured by themselves, by id."""

    async def last(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        purpose: RunPurpose,
        *,
        number: int | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> EvalRun | None:
        """Return the newest run that was made for a purpose, of one version or any, begun within these moments."""

    async def base(self, scope: AccessScope, run: EvalRun, *, upto: int) -> EvalRun | None:
        """Return the newest finished run of the same suite over the highest version up to `upto` that has one.

        Versions that were never published do not count.
        """

    async def newest_finished(self) -> list[EvalRun]:
        """Return the newest finished run of each suite of each corpus for each purpose; those of drafts do not count."""

    async def blocked(self) -> list[CorpusId]:
        """Return the corpus of each draft that its gate keeps from being published, as it is sealed now."""

    async def left_alone(
        self, kinds: Collection[JobKind], *, now: datetime, served_kinds: Collection[JobKind], starved_after: timedelta
    ) -> Mapping[JobKind, int]:
        """Return how many jobs of each kind are due and have no worker, or are due for longer than `starved_after`."""
