"""What is known of the health of indexes, for administrators and for operators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.ids import CorpusId
from rag_service.domain.index_checks import IndexCheck, IndexComparison
from rag_service.domain.versions import Corpus
from rag_service.ports.catalog import Catalog
from rag_service.ports.index_tuning import IndexTuning
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.every_corpus import every_corpus
from rag_service.use_cases.permissions import require

_SHOWN = 100
_PLACE = "/v1/indexes"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexHealth:
    """Of one corpus: its newest checks, newest first, and what the reconciler found in the build it is asked under.

    `trouble` says why the build could not be optimised the last time, None when it could.
    """

    corpus: Corpus
    checks: Sequence[IndexCheck]
    comparison: IndexComparison | None
    trouble: str | None
    floor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedIndex:
    """What operators watch of one corpus. A corpus that was never checked counts its age from its beginning."""

    check: IndexCheck
    age_s: float
    is_under_floor: bool | None
    points_differing: int | None
    is_troubled: bool


class ReadIndexHealth:
    """Reads what rounds have found."""

    def __init__(
        self, *, catalog: Catalog, tuning: IndexTuning, clock: Callable[[], datetime], settings: RetrievalSettings
    ) -> None:
        self._catalog = catalog
        self._tuning = tuning
        self._clock = clock
        self._floor = settings.recall_floor

    async def of_each(self, scope: AccessScope) -> list[IndexHealth]:
        """Return the newest check of each corpus of the scope, by time of the corpus's creation.

        Raises:
            NotFound: the key may not do this.
        """
        require(scope, Permission.ADMIN, kind="endpoint", ref=_PLACE)
        comparisons = await self._comparisons()
        return [
            await self._health(scope, corpus, comparisons, limit=1)
            async for corpus in every_corpus(self._catalog, scope)
        ]

    async def of(self, scope: AccessScope, *, corpus: str) -> IndexHealth:
        """Return the newest checks of a corpus.

        Raises:
            NotFound: no such corpus, or the key may not do this.
        """
        require(scope, Permission.ADMIN, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
        return await self._health(scope, target, await self._comparisons(), limit=_SHOWN)

    async def of_all(self) -> list[WatchedIndex]:
        """Return what is known of every published corpus of every tenant."""
        now = self._clock()
        async with self._catalog.reading() as tx:
            checks = await tx.index_checks.newest_of_all()
        comparisons = await self._comparisons()
        troubled = {name for name in {one.fingerprint for one in checks} if await self._tuning.trouble(name)}
        return [self._watched(one, comparisons, one.fingerprint in troubled, now) for one in checks]

    async def _comparisons(self) -> Mapping[CorpusId, IndexComparison]:
        async with self._catalog.reading() as tx:
            return {one.corpus_id: one for one in await tx.index_checks.comparisons()}

    async def _health(
        self, scope: AccessScope, corpus: Corpus, comparisons: Mapping[CorpusId, IndexComparison], *, limit: int
    ) -> IndexHealth:
        async with self._catalog.reading() as tx:
            checks = await tx.index_checks.newest(scope, corpus.id, limit=limit)
        return IndexHealth(
            corpus=corpus,
            checks=checks,
            comparison=comparisons.get(corpus.id),
            trouble=await self._tuning.trouble(corpus.fingerprint),
            floor=self._floor,
        )

    def _watched(
        self, check: IndexCheck, comparisons: Mapping[CorpusId, IndexComparison], is_troubled: bool, now: datetime
    ) -> WatchedIndex:
        comparison = comparisons.get(check.corpus_id)
        return WatchedIndex(
            check=check,
            age_s=(now - (check.finished_at or check.begun_at)).total_seconds(),
            is_under_floor=check.found.is_under(self._floor) if check.found else None,
            points_differing=comparison.differing - comparison.mended if comparison else None,
            is_troubled=is_troubled,
        )
