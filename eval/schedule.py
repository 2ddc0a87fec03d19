"""Starting the runs that nobody asks for."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.evaluation_watch import WatchedCorpus
from rag_service.domain.evaluations import RunPurpose
from rag_service.errors import Conflict, NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.evaluations import StartEvaluation


class Occasion(Protocol):
    """Something for which a corpus is measured."""

    @property
    def purpose(self) -> RunPurpose:
        """What the runs are made for."""

    def ref(self, corpus: WatchedCorpus) -> str | None:
        """Return the version to measure, None for what is published when the run begins."""

    async def is_due(self, tx: Transaction, scope: AccessScope, corpus: WatchedCorpus, now: datetime) -> bool:
        """Say whether a run should be started: what was started before is in the catalog."""


class StartDueRuns:
    """Starts a run on each occasion that is due for a corpus. Several workers may do so: the catalog decides."""

    def __init__(
        self,
        occasions: Sequence[Occasion],
        *,
        catalog: Catalog,
        start: StartEvaluation,
        clock: Callable[[], datetime],
    ) -> None:
        self._occasions = occasions
        self._catalog = catalog
        self._start = start
        self._clock = clock

    async def __call__(self) -> int:
        """Return how many runs were started."""
        now = self._clock()
        async with self._catalog.reading() as tx:
            due = [
                (occasion, corpus)
                for corpus in await tx.evaluation_watch.corpora()
                for occasion in self._occasions
                if await occasion.is_due(tx, system_scope(corpus.tenant_id), corpus, now)
            ]
        return sum([await self._start_one(*each, now) for each in due])

    async def _start_one(self, occasion: Occasion, watched: WatchedCorpus, now: datetime) -> bool:
        scope = system_scope(watched.tenant_id)
        try:
            async with self._catalog.writing() as tx:
                corpus = await tx.corpora.lock(scope, watched.corpus_id)
                # Another worker may have started it since, or another version was published.
                is_current = corpus.published == watched.published
                if not is_current or not await occasion.is_due(tx, scope, watched, now):
                    return False
                await self._start.add(tx, scope, corpus, occasion.ref(watched), purpose=occasion.purpose)
        except (Conflict, NotFound):
            # A run of this version waits already, or the corpus lost its questions: the next look decides anew.
            return False
        return True
