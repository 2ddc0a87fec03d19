"""Opens what is measured: the very parts the service is made of, over the same data. And the worker that measures."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from eval.after_publish import AfterPublish
from eval.handlers import DraftEvaluationHandler, EvaluateDraft, RunSuite, SuiteHandler
from eval.lending import Lending
from eval.live.round import ScoreLiveAnswers
from eval.nightly import Nightly
from eval.schedule import Occasion, StartDueRuns
from ingestion.jobs import JobRunner
from ingestion.presence import Presence
from ingestion.rounds import Rounds
from rag_service.catalog.migrating import migrate
from rag_service.catalog.sql_catalog import open_catalog, utc_now
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft
from rag_service.domain.evaluations import EvalRun
from rag_service.domain.gates import Gate
from rag_service.domain.golden import GoldenQuestion
from rag_service.domain.jobs import JobKind
from rag_service.errors import Unauthenticated
from rag_service.ports.catalog import Catalog
from rag_service.queue.polled import PolledQueue
from rag_service.settings import EvaluationSettings, Settings
from rag_service.use_cases.evaluations import StartEvaluation
from rag_service.use_cases.gates import PublishGate
from rag_service.use_cases.seal_plan import StillHeld

if TYPE_CHECKING:
    from eval.run_suites import RunSuites
    from ingestion.handlers import Handler
    from rag_service.bootstrap import Container

KEEP_PARTS_S = 300.0
"""After the last job the language models are kept in memory for so long."""

LOOK_EVERY_S = 60.0
"""How often the worker looks whether a run is due by itself."""

SCORE_EVERY_S = 900.0
"""How often it looks for answers that people got since: less often than the models are kept, which take memory."""

Lend = Callable[[], AbstractAsyncContextManager["Container"]]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The service's parts and the rights of the key that measures."""

    container: "Container"
    scope: AccessScope


@asynccontextmanager
async def open_evaluation(settings: Settings, secret: str) -> AsyncIterator[Evaluation]:
    """Open the parts of the service at `settings`; its index host must be running.

    Raises:
        Unauthenticated: the key does not work.
    """
    from rag_service.bootstrap import open_container

    async with open_container(_patient(settings)) as container:
        try:
            scope = await container.keys.authenticate(secret)
        except Unauthenticated as exc:
            raise Unauthenticated(
                f"{exc} It was looked for beside the data in {settings.data_dir.resolve()}: "
                "run this with the same RAG_… settings as the service."
            ) from exc
        await container.embedder.warm_up()
        yield Evaluation(container=container, scope=scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationWorker:
    """An evaluation worker's parts."""

    runner: JobRunner
    presence: Presence
    start_due_runs: StartDueRuns
    schedule: Rounds
    score_live_answers: ScoreLiveAnswers
    live: Rounds


@asynccontextmanager
async def open_evaluation_worker(settings: Settings) -> AsyncIterator[EvaluationWorker]:
    """Open a worker that waits with next to nothing in memory: the service's parts are opened for a job."""
    await migrate(settings.catalog_url)
    async with open_catalog(settings.catalog_url, pool_size=settings.catalog.pool_size) as catalog:
        parts = Lending(lambda: _open_container(settings), keep_s=KEEP_PARTS_S)
        try:
            yield evaluation_worker_over(catalog, parts.lent, settings)
        finally:
            await parts.aclose()


def evaluation_worker_over(
    catalog: Catalog, lend: Lend, settings: Settings, *, clock: Clock = utc_now
) -> EvaluationWorker:
    """Return a worker over parts that are opened elsewhere."""
    gate = PublishGate(clock=clock, is_on=settings.evaluation.gate)
    handlers: dict[JobKind, Handler] = {
        JobKind.EVALUATE_DRAFT: DraftEvaluationHandler(
            _draft_evaluation(lend, settings.evaluation), catalog=catalog, gate=gate, clock=clock
        ),
        JobKind.RUN_SUITE: SuiteHandler(_suite_run(lend, settings.evaluation), catalog=catalog, clock=clock),
    }
    start = StartDueRuns(
        _occasions(settings.evaluation),
        catalog=catalog,
        start=StartEvaluation(catalog=catalog, queue=PolledQueue(), clock=clock),
        clock=clock,
    )
    score = ScoreLiveAnswers(catalog=catalog, lend=lend, settings=settings.evaluation, clock=clock)
    return EvaluationWorker(
        runner=JobRunner(catalog=catalog, handlers=handlers, clock=clock, settings=settings.jobs),
        presence=Presence(
            catalog=catalog, kinds=frozenset(handlers), clock=clock, every_s=settings.jobs.worker_heartbeat_s
        ),
        start_due_runs=start,
        schedule=Rounds(start, of="evaluations", every_s=LOOK_EVERY_S),
        score_live_answers=score,
        live=Rounds(score, of="live_answers", every_s=SCORE_EVERY_S),
    )


def _open_container(settings: Settings) -> AbstractAsyncContextManager["Container"]:
    # Not before a job needs it: a worker that waits does without what this imports.
    from rag_service.bootstrap import open_container

    return open_container(_patient(settings))


def _patient(settings: Settings) -> Settings:
    """What is measured waits for every part, or is missing: figures of half a search would be taken for the whole's."""
    retrieval = settings.retrieval.model_copy(update={"deadline_s": 0.0})
    return settings.model_copy(update={"retrieval": retrieval})


def _occasions(settings: EvaluationSettings) -> Sequence[Occasion]:
    return (AfterPublish(), Nightly(settings.nightly_at)) if settings.nightly_at else (AfterPublish(),)


def _draft_evaluation(lend: Lend, settings: EvaluationSettings) -> EvaluateDraft:
    async def evaluate(scope: AccessScope, draft: Draft, *, still_held: StillHeld) -> Gate:
        from eval.gate import evaluate_draft

        async with lend() as container:
            run_suites = _run_suites(container, settings)
            return await evaluate_draft(container, run_suites, scope, draft, still_held=still_held)

    return evaluate


def _suite_run(lend: Lend, settings: EvaluationSettings) -> RunSuite:
    async def run_suite(
        scope: AccessScope, run: EvalRun, questions: Sequence[GoldenQuestion], *, still_held: StillHeld
    ) -> EvalRun:
        from eval.datasets.golden import cases_of

        async with lend() as container:
            run_suites = _run_suites(container, settings)
            return await run_suites(scope, run, cases_of(questions), still_held=still_held)

    return run_suite


def _run_suites(container: "Container", settings: EvaluationSettings) -> "RunSuites":
    from eval.judging import judge_of
    from eval.otlp.receiver import receiver_of
    from eval.run_suites import RunSuites

    return RunSuites(
        container=container, judge=judge_of(settings), parallel=settings.parallel, receiver=receiver_of(settings)
    )
