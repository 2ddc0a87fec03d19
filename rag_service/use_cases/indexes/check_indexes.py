"""The round that keeps indexes healthy: measure, mend what is missing, and search farther where too little is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.index_advice import advised_search
from rag_service.domain.index_checks import CheckFindings, IndexCheck
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import Conflict, IndexUnavailable, NotFound
from rag_service.ports.catalog import Catalog
from rag_service.ports.index_tuning import IndexTuning
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.indexes.check_recall import CheckRecall
from rag_service.use_cases.reconcile import Reconcile

_GIVEN_UP = timedelta(hours=2)
"""A check that is not over by then broke off."""

_NOT_TUNED = "Too little is found, and the build could not be searched farther:"

_log = structlog.get_logger()


class CheckIndexes:
    """Checks what is published of each corpus that is due. Several workers may call it: the catalog gives turns."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        check_recall: CheckRecall,
        reconcile: Reconcile,
        tuning: IndexTuning,
        clock: Callable[[], datetime],
        settings: RetrievalSettings,
    ) -> None:
        self._catalog = catalog
        self._check_recall = check_recall
        self._reconcile = reconcile
        self._tuning = tuning
        self._clock = clock
        self._every = timedelta(seconds=settings.check_every_s)
        self._floor = settings.recall_floor

    async def __call__(self) -> int:
        """Return how many corpora were checked.

        Raises:
            DependencyUnavailable: a part was away; what is left is checked in a later round.
        """
        async with self._catalog.reading() as tx:
            due = await tx.index_checks.due(last_before=self._clock() - self._every)
        return sum([await self._check(one) for one in due])

    async def _check(self, due: IndexCheck) -> bool:
        try:
            found = await self._checked(due, last_before=self._clock() - self._every)
            if found is not None and found.points_missing:
                await self._mend(due, found)
        except (NotFound, Conflict) as exc:
            # Erased or changed at this moment: no other corpus waits for it.
            _log.warning("index_check_gave_up", corpus_id=due.corpus_id, reason=str(exc))
            return False
        return found is not None

    async def _mend(self, due: IndexCheck, found: CheckFindings) -> None:
        _log.error("index_points_missing", corpus_id=due.corpus_id, missing=found.points_missing)
        await self._reconcile(system_scope(due.tenant_id), corpus=due.corpus_id, dry_run=False)
        # What was found before is over: nobody shall be alerted to it for hours.
        await self._checked(due, last_before=self._clock() + self._every)

    async def _checked(self, due: IndexCheck, *, last_before: datetime) -> CheckFindings | None:
        """Check a corpus; None when it is not the time for it."""
        scope = system_scope(due.tenant_id)
        pinned = await self._pinned(scope, due)
        now, engine = self._clock(), await self._tuning.engine()
        begun = replace(due, begun_at=now, engine=engine, version=pinned.number, fingerprint=pinned.fingerprint)
        async with self._catalog.writing() as tx:
            given_up_before = now - _GIVEN_UP
            if not await tx.index_checks.begin(begun, last_before=last_before, given_up_before=given_up_before):
                return None
        try:
            found = await self._tuned(begun, await self._check_recall(scope, pinned, salt=now.isoformat()))
            async with self._catalog.writing() as tx:
                await tx.index_checks.end(replace(begun, finished_at=self._clock(), found=found))
        except BaseException:
            # Nobody would check any index for as long as this one seems to go on.
            async with self._catalog.writing() as tx:
                await tx.index_checks.give_up(begun)
            raise
        _tell(begun, found)
        return found

    async def _pinned(self, scope: AccessScope, due: IndexCheck) -> PinnedVersion:
        async with self._catalog.reading() as tx:
            corpus = await tx.corpora.get(scope, due.corpus_id)
        return PinnedVersion(corpus=corpus, number=corpus.published, fingerprint=corpus.fingerprint)

    async def _tuned(self, check: IndexCheck, found: CheckFindings) -> CheckFindings:
        """Let the build be searched farther where too little is found of what is there."""
        now = await self._tuning.read(check.fingerprint)
        if now is None or found.points_missing or found.vectors_lost:
            return found
        advice = advised_search(now, recall=found.worst_recall, floor=self._floor)
        if advice.reason is None:
            return found
        try:
            await self._tuning.change(check.fingerprint, advice.search)
        except IndexUnavailable as exc:
            # What was measured counts all the same, and the other corpora are to be checked.
            _log.warning("index_not_tuned", corpus_id=check.corpus_id, reason=str(exc))
            return replace(found, notes=(*found.notes, f"{_NOT_TUNED} {exc}"))
        return replace(found, notes=(*found.notes, advice.reason))


def _tell(check: IndexCheck, found: CheckFindings) -> None:
    _log.info(
        "index_checked",
        corpus_id=check.corpus_id,
        version=check.version,
        recall=found.recall and found.recall.mean,
        restricted_recall=found.restricted and found.restricted.mean,
        missing=found.points_missing,
    )
