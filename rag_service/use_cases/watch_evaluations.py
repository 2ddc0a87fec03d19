"""What operators are told of evaluations, over all tenants."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rag_service.domain.evaluation_watch import REGRESSED, WatchedCorpus
from rag_service.domain.evaluations import GOLDEN_SUITE, EvalRun, Figure, RunPurpose
from rag_service.domain.ids import CorpusId
from rag_service.domain.jobs import JobKind
from rag_service.domain.metric_names import JUDGING_FAILED
from rag_service.domain.work_queues import WorkQueue, kinds_of
from rag_service.ports.catalog import Catalog
from rag_service.settings import JobSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSuite:
    """A suite of a corpus, by its newest run. `run` is None before the first one: `age_s` counts from its questions then.

    `age_s` is None of what nothing measures by itself: other suites, and corpora without questions. `judge_failures` is
    the share of scores that the judge did not give, of the figure that has the least; None without one.
    """

    corpus_id: CorpusId
    suite: str
    age_s: float | None
    run: EvalRun | None
    judge_failures: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationState:
    """`regressed` has the questions that the newest publish of a corpus made worse, `left_alone` jobs that nobody takes."""

    suites: Sequence[MeasuredSuite]
    regressed: Mapping[CorpusId, int]
    blocked: Mapping[CorpusId, int]
    left_alone: Mapping[JobKind, int]


class WatchEvaluations:
    """Looks at the newest runs, the gates, and the jobs of evaluation workers."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime], settings: JobSettings) -> None:
        self._catalog = catalog
        self._clock = clock
        self._silence = settings.silence
        self._starved_after = timedelta(seconds=settings.starved_after_s)

    async def __call__(self) -> EvaluationState:
        """Return how it stands now."""
        now = self._clock()
        async with self._catalog.reading() as tx:
            watch = tx.evaluation_watch
            watched, runs = await watch.corpora(), await watch.newest_finished()
            blocked = await watch.blocked()
            left_alone = await watch.left_alone(
                kinds_of({WorkQueue.EVAL}),
                now=now,
                served_kinds=await tx.workers.served_kinds(since=now - self._silence),
                starved_after=self._starved_after,
            )
        return EvaluationState(
            suites=_suites(watched, runs, now),
            regressed=_regressed(watched, runs),
            blocked={one.corpus_id: 0 for one in watched} | Counter(blocked),
            left_alone=left_alone,
        )


def _suites(watched: Sequence[WatchedCorpus], runs: Sequence[EvalRun], now: datetime) -> list[MeasuredSuite]:
    newest: dict[tuple[CorpusId, str], EvalRun] = {}
    for run in sorted(runs, key=lambda run: run.created_at):
        newest[run.corpus_id, run.suite] = run
    by_itself = {(one.corpus_id, GOLDEN_SUITE) for one in watched}
    measured = [
        MeasuredSuite(
            corpus_id=run.corpus_id,
            suite=run.suite,
            age_s=_age_s(run, now) if place in by_itself else None,
            run=run,
            judge_failures=_judge_failures(run),
        )
        for place, run in newest.items()
    ]
    never = [one for one in watched if (one.corpus_id, GOLDEN_SUITE) not in newest]
    return measured + [_unmeasured(one, now) for one in never]


def _age_s(run: EvalRun, now: datetime) -> float:
    return (now - (run.finished_at or run.created_at)).total_seconds()


def _unmeasured(corpus: WatchedCorpus, now: datetime) -> MeasuredSuite:
    age_s = (now - corpus.since).total_seconds()
    return MeasuredSuite(corpus_id=corpus.corpus_id, suite=GOLDEN_SUITE, age_s=age_s, run=None, judge_failures=None)


def _regressed(watched: Sequence[WatchedCorpus], runs: Sequence[EvalRun]) -> dict[CorpusId, int]:
    """Count for what is published now: nothing is wrong any more once somebody rolled back."""
    published = {one.corpus_id: one.published for one in watched}
    return {
        run.corpus_id: int(figure.value or 0)
        for run in runs
        if run.purpose is RunPurpose.AFTER_PUBLISH and run.number == published.get(run.corpus_id, 0)
        for figure in run.figures
        if figure.name == REGRESSED
    }


def _judge_failures(run: EvalRun) -> float | None:
    if run.judge is None:
        return None
    return max(map(_share_failed, run.figures), default=0.0)


def _share_failed(figure: Figure) -> float:
    failed = sum(count for reason, count in figure.missing.items() if reason.startswith(JUDGING_FAILED))
    return failed / (failed + figure.measured) if failed else 0.0
