"""What the evaluation worker does about answers that people got, now and then, beside its jobs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from rag_service.domain.access import system_scope
from rag_service.domain.ids import CorpusId, TenantId
from rag_service.domain.live import Drift
from rag_service.errors import NotFound, RagError
from rag_service.ports.catalog import Catalog
from rag_service.settings import EvaluationSettings

if TYPE_CHECKING:
    from eval.live.sampling import Drawn
    from eval.live.scoring import ScoreAnswer
    from rag_service.bootstrap import Container

_DAY = timedelta(days=1)
_GRACE = timedelta(hours=1)
"""After midnight: a question of the day before may still be on its way to its answer."""

_log = structlog.get_logger()

Lend = Callable[[], AbstractAsyncContextManager["Container"]]


class ScoreLiveAnswers:
    """Scores what was drawn, one answer after the other, and compares windows that are over.

    Each score is kept at once, so that a round that was cut short goes on where it ended. Several workers may do so: the
    first to score an answer or to compare a window is the one whose word is kept.
    """

    def __init__(
        self, *, catalog: Catalog, lend: Lend, settings: EvaluationSettings, clock: Callable[[], datetime]
    ) -> None:
        self._catalog = catalog
        self._lend = lend
        self._settings = settings
        self._clock = clock

    async def __call__(self) -> int:
        """Return how many answers were scored.

        Raises:
            DependencyUnavailable: a part is away; what it was needed for is done in a later round.
        """
        if not self._settings.live_rate:
            return 0
        end = _midnight(self._clock() - _GRACE)
        scored = await self._score_all(await self._drawn(since=end - _DAY))
        await self._compare_all(end)
        return scored

    async def _drawn(self, *, since: datetime) -> "list[Drawn]":
        # Here and below not before it is needed: a worker that waits does without what this imports.
        from eval.live.sampling import chosen  # noqa: PLC0415

        async with self._catalog.reading() as tx:
            candidates = await tx.live.candidates(since=since)
        return chosen(candidates, rate=self._settings.live_rate, least=self._settings.live_least)

    async def _score_all(self, drawn: "Sequence[Drawn]") -> int:
        if not drawn:
            return 0
        async with self._lend() as container, self._opened(container) as score:
            return sum([await self._score(one, score) for one in drawn])

    @asynccontextmanager
    async def _opened(self, container: "Container") -> "AsyncIterator[ScoreAnswer]":
        from eval.judging import judge_of, open_ragas  # noqa: PLC0415
        from eval.live.scoring import JUDGED, ScoreAnswer  # noqa: PLC0415

        judge = judge_of(self._settings) if self._settings.live_judge else None
        if judge is None:
            yield ScoreAnswer(container, ragas=None, judge=None, clock=self._clock)
            return
        async with aclosing(open_ragas(container, judge, JUDGED)) as ragas:
            yield ScoreAnswer(container, ragas=ragas, judge=judge.identity, clock=self._clock)

    async def _score(self, drawn: "Drawn", score: "ScoreAnswer") -> bool:
        wanted = drawn.candidate
        try:
            async with self._catalog.reading() as tx:
                answer = await tx.answers.get(system_scope(wanted.tenant_id), wanted.answer_id)
            found = await score(drawn, answer)
        except NotFound:
            return False  # erased meanwhile
        except RagError as exc:
            if exc.transient:
                raise
            _log.warning("live_answer_not_scored", answer_id=wanted.answer_id, reason=type(exc).__name__)
            return False
        async with self._catalog.writing() as tx:
            return await tx.live.add(found)

    async def _compare_all(self, end: datetime) -> None:
        start = end - self._settings.drift_window_days * _DAY
        async with self._catalog.reading() as tx:
            places = await tx.live.scored_corpora(since=start, before=end)
        for tenant_id, corpus_id in places:
            await self._compare(tenant_id, corpus_id, start=start, end=end)

    async def _compare(self, tenant_id: TenantId, corpus_id: CorpusId, *, start: datetime, end: datetime) -> None:
        from eval.live.windows import compare_windows  # noqa: PLC0415

        scope, first = system_scope(tenant_id), start - self._settings.drift_reference_days * _DAY
        async with self._catalog.reading() as tx:
            if await tx.live.drifts(scope, corpus_id, since=end):
                return
            scores = await tx.live.scores(scope, corpus_id, since=first, before=end, with_questions=True)
        reference = [score for score in scores if score.asked_at < start]
        current = [score for score in scores if score.asked_at >= start]
        least = self._settings.drift_least
        found = await asyncio.to_thread(compare_windows, reference, current, least=least)
        place: dict[str, Any] = {
            "tenant_id": tenant_id,
            "corpus_id": corpus_id,
            "window_start": start,
            "window_end": end,
        }
        drifts = [Drift(**place, **asdict(one)) for one in found]
        async with self._catalog.writing() as tx:
            await tx.live.add_drifts(drifts)
        _tell(drifts)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _tell(drifts: Sequence[Drift]) -> None:
    for one in drifts:
        if one.has_drifted:
            _log.warning(
                "live_answers_drifted",
                corpus_id=one.corpus_id,
                measure=one.measure,
                reference=one.reference,
                current=one.current,
                psi=one.psi,
                p_value=one.p_value,
            )
