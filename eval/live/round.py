"""What the evaluation worker does about answers that people got, now and then, beside its jobs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from rag_service.domain.access import system_scope
from rag_service.domain.ids import AnswerId, CorpusId, TenantId
from rag_service.domain.live import Drift, LiveScore
from rag_service.domain.metric_names import JUDGING_FAILED, TRANSIENT
from rag_service.errors import DependencyUnavailable, NotFound, RagError
from rag_service.ports.catalog import Catalog
from rag_service.settings import EvaluationSettings

if TYPE_CHECKING:
    from eval.live.sampling import Drawn
    from eval.live.scoring import ScoreAnswer
    from rag_service.bootstrap import Container

_DAY = timedelta(days=1)
_GRACE = timedelta(hours=1)
"""After midnight: a question of the day before may still be on its way to its answer."""

_FAILURES_IN_A_ROW = 3
"""So many answers that a part was away for are no matter of the answers: the rest waits for a later round."""

_log = structlog.get_logger()

Lend = Callable[[], AbstractAsyncContextManager["Container"]]


@dataclass(slots=True)
class _Tally:
    """How far a round came, and which part was away when it was."""

    scored: int = 0
    in_a_row: int = 0
    away: RagError | None = None


class ScoreLiveAnswers:
    """Scores what was drawn, one answer after the other, and compares windows that are over.

    Each score is kept at once, so that a round that was cut short goes on where it ended. Several workers may do so: the
    first to score an answer or to compare a window is the one whose word is kept. An answer that cannot be scored keeps
    neither the others nor the comparison back: the next round begins with those that have not failed.
    """

    def __init__(
        self, *, catalog: Catalog, lend: Lend, settings: EvaluationSettings, clock: Callable[[], datetime]
    ) -> None:
        self._catalog = catalog
        self._lend = lend
        self._settings = settings
        self._clock = clock
        self._failures: Counter[AnswerId] = Counter()

    async def __call__(self) -> int:
        """Return how many answers were scored.

        Raises:
            DependencyUnavailable: a part was away; answers that it was needed for are scored in a later round.
        """
        if not self._settings.live_rate:
            return 0
        end = _midnight(self._clock() - _GRACE)
        tally = await self._score_all(await self._drawn(since=end - _DAY), end)
        await self._compare_all(end)
        if tally.away is not None:
            raise tally.away
        return tally.scored

    async def _drawn(self, *, since: datetime) -> "list[Drawn]":
        # Here and below not before it is needed: a worker that waits does without what this imports.
        from eval.live.sampling import chosen  # noqa: PLC0415

        async with self._catalog.reading() as tx:
            candidates = await tx.live.candidates(since=since)
        limits = {"least": self._settings.live_least, "most": self._settings.live_most}
        return await asyncio.to_thread(chosen, candidates, rate=self._settings.live_rate, **limits)

    async def _score_all(self, drawn: "Sequence[Drawn]", end: datetime) -> _Tally:
        tally = _Tally()
        if not drawn:
            return tally
        try:
            async with self._lend() as container, self._opened(container) as score:
                await self._score_each(self._in_order(drawn), score, end, tally)
        except DependencyUnavailable as exc:
            tally.away = exc
        return tally

    def _in_order(self, drawn: "Sequence[Drawn]") -> "list[Drawn]":
        waiting = {one.candidate.answer_id for one in drawn}
        self._failures = Counter({one: count for one, count in self._failures.items() if one in waiting})
        return sorted(drawn, key=lambda one: self._failures[one.candidate.answer_id])

    async def _score_each(self, drawn: "Sequence[Drawn]", score: "ScoreAnswer", end: datetime, tally: _Tally) -> None:
        for one in drawn:
            try:
                tally.scored += await self._score(one, score, end)
                tally.in_a_row = 0
            except Exception as exc:  # noqa: BLE001  (whatever is wrong with one answer, the others are other people's)
                self._note_failure(one.candidate.answer_id, exc, tally)
            if tally.in_a_row == _FAILURES_IN_A_ROW:
                return

    def _note_failure(self, answer_id: AnswerId, exc: Exception, tally: _Tally) -> None:
        self._failures[answer_id] += 1
        _log.warning("live_answer_not_scored", answer_id=answer_id, reason=type(exc).__name__)
        if isinstance(exc, RagError) and exc.transient:
            tally.in_a_row += 1
            tally.away = exc

    @asynccontextmanager
    async def _opened(self, container: "Container") -> "AsyncIterator[ScoreAnswer]":
        from eval.judging import judge_of, open_ragas  # noqa: PLC0415
        from eval.live.scoring import WITHOUT_REFERENCE, ScoreAnswer  # noqa: PLC0415

        judge = judge_of(self._settings) if self._settings.live_judge else None
        names = [name for name in WITHOUT_REFERENCE if judge and name in judge.metrics]
        if judge is None or not names:
            yield ScoreAnswer(container, ragas=None, judge=None, clock=self._clock)
            return
        async with aclosing(open_ragas(container, judge, names)) as ragas:
            yield ScoreAnswer(container, ragas=ragas, judge=judge.identity, clock=self._clock)

    async def _score(self, drawn: "Drawn", score: "ScoreAnswer", end: datetime) -> bool:
        wanted = drawn.candidate
        try:
            async with self._catalog.reading() as tx:
                answer = await tx.answers.get(system_scope(wanted.tenant_id), wanted.answer_id)
        except NotFound:
            return False  # erased meanwhile
        found = await score(drawn, answer)
        if reason := _why_later(found, end):
            raise DependencyUnavailable(reason)
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


def _why_later(found: LiveScore, end: datetime) -> str:
    """Return for which reason that may be gone the next time an answer is scored later; empty when for none.

    When its day is over what the judge did not say stays missing: the day is compared by the other scores.
    """
    is_over = found.asked_at < end
    reasons = (reason for reason in found.missing.values() if reason.startswith(TRANSIENT))
    return next((reason for reason in reasons if not (is_over and reason.startswith(JUDGING_FAILED))), "")


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
