"""How the answers that people get were scored, for those who may evaluate and for operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.ids import CorpusId
from rag_service.domain.live import Drift, LiveDay, LiveMean, days_of, means_of
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.permissions import require

_DAY = timedelta(days=1)
_SHOWN_DAYS = 14
_SHOWN_FINDINGS_DAYS = 90
_FRESH = 2 * _DAY
"""A window that ended before that says nothing of today: nobody asks any more, or nobody compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """The scored days of a corpus, oldest first; its newest window, if fresh; what drifted before it, newest first."""

    days: Sequence[LiveDay]
    newest: Sequence[Drift]
    earlier: Sequence[Drift]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedAnswers:
    """What operators are told of a corpus: means over the last 24 hours, and the newest window."""

    corpus_id: CorpusId
    scored: int
    means: dict[str, LiveMean]
    newest: Sequence[Drift]


class ReadLiveAnswers:
    """Reads scores of answers: figures only, no words."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def __call__(self, scope: AccessScope, *, corpus: str) -> LiveState:
        """Return how it stands with a corpus (name or id), or raise NotFound."""
        require(scope, Permission.EVAL, kind="corpus", ref=corpus)
        now = self._clock()
        first = now.replace(hour=0, minute=0, second=0, microsecond=0) - (_SHOWN_DAYS - 1) * _DAY
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            scores = await tx.live.scores(scope, target.id, since=first)
            drifts = await tx.live.drifts(scope, target.id, since=now - _SHOWN_FINDINGS_DAYS * _DAY)
        newest = _newest(drifts, now)
        earlier = [one for one in drifts if one.has_drifted and one not in newest]
        return LiveState(days=days_of(scores), newest=newest, earlier=earlier)

    async def of_all(self) -> list[WatchedAnswers]:
        """Return how it stands with every corpus of every tenant that was scored lately: for operators."""
        now = self._clock()
        found: list[WatchedAnswers] = []
        async with self._catalog.reading() as tx:
            for tenant_id, corpus_id in await tx.live.scored_corpora(since=now - _FRESH):
                scope = system_scope(tenant_id)
                scores = await tx.live.scores(scope, corpus_id, since=now - _DAY)
                newest = _newest(await tx.live.drifts(scope, corpus_id, since=now - _FRESH), now)
                watched = WatchedAnswers(
                    corpus_id=corpus_id, scored=len(scores), means=dict(means_of(scores)), newest=newest
                )
                found.append(watched)
        return found


def _newest(drifts: Sequence[Drift], now: datetime) -> list[Drift]:
    """Return the measures of the newest window, unless it is of long ago; `drifts` begin with it."""
    fresh = [one for one in drifts if one.window_end >= now - _FRESH]
    return [one for one in fresh if one.window_end == fresh[0].window_end]
