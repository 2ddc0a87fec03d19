"""How the answers that people get were scored, for those who may evaluate and for operators."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.ids import CorpusId
from rag_service.domain.live import Drift, LiveDay, LiveMean, LiveValues, days_of, means_of
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.permissions import require

_DAY = timedelta(days=1)
_SHOWN_DAYS = 16
"""Today, the last whole day, and the 14 days that it is compared with."""
_SHOWN_FINDINGS_DAYS = 90
_FRESH = 2 * _DAY
"""A window that ended before that says nothing of today: nobody asks any more, or nobody compares."""

KEEP = timedelta(seconds=60)
"""How long operators are told the same: the worker scores every quarter of an hour, and scrapes come every few seconds."""

_Of = TypeVar("_Of", LiveValues, Drift)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """The scored days of a corpus, oldest first; its newest window, if fresh; what drifted before it, newest first.

    `today` (UTC) is not over: its means rest on what was asked so far.
    """

    today: date
    days: Sequence[LiveDay]
    newest: Sequence[Drift]
    earlier: Sequence[Drift]

    @property
    def whole_days(self) -> Sequence[LiveDay]:
        """The days that are over."""
        return [day for day in self.days if day.day < self.today]


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
        self._reading = asyncio.Lock()
        self._told: tuple[datetime, Sequence[WatchedAnswers]] | None = None

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
        days = await asyncio.to_thread(days_of, scores)
        return LiveState(today=now.date(), days=days, newest=newest, earlier=earlier)

    async def of_all(self) -> Sequence[WatchedAnswers]:
        """Return how it stood, at most `KEEP` ago, with every corpus of every tenant that was scored lately: for operators."""
        async with self._reading:  # scrapes that come meanwhile wait for the same answer
            now = self._clock()
            if self._told is None or not timedelta(0) <= now - self._told[0] < KEEP:
                self._told = now, await self._all(now)
            return self._told[1]

    async def _all(self, now: datetime) -> Sequence[WatchedAnswers]:
        async with self._catalog.reading() as tx:
            corpora = [corpus_id for _, corpus_id in await tx.live.scored_corpora(since=now - _FRESH)]
            values = await tx.live.values_of_all(since=now - _DAY)
            drifts = await tx.live.drifts_of_all(since=now - _FRESH)
        return await asyncio.to_thread(_watched, corpora, values, drifts, now)


def _watched(
    corpora: Sequence[CorpusId], values: Sequence[LiveValues], drifts: Sequence[Drift], now: datetime
) -> list[WatchedAnswers]:
    values_of, drifts_of = _by_corpus(values), _by_corpus(drifts)
    return [
        WatchedAnswers(
            corpus_id=corpus_id,
            scored=len(values_of[corpus_id]),
            means=dict(means_of(values_of[corpus_id])),
            newest=_newest(drifts_of[corpus_id], now),
        )
        for corpus_id in corpora
    ]


def _by_corpus(rows: Iterable[_Of]) -> dict[CorpusId, list[_Of]]:
    found: dict[CorpusId, list[_Of]] = defaultdict(list)
    for row in rows:
        found[row.corpus_id].append(row)
    return found


def _newest(drifts: Sequence[Drift], now: datetime) -> list[Drift]:
    """Return the measures of the newest window, unless it is of long ago; `drifts` begin with it."""
    fresh = [one for one in drifts if one.window_end >= now - _FRESH]
    return [one for one in fresh if one.window_end == fresh[0].window_end]
