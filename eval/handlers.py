"""What an evaluation worker does for each kind of job."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from eval.after_publish import compared_with_before, tell_regressed
from ingestion.handlers import choose_first
from ingestion.leases import still_held_of
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import Draft
from rag_service.domain.evaluations import OPEN_RUNS, EvalRun, EvalRunState, RunPurpose
from rag_service.domain.gates import Gate, Verdict
from rag_service.domain.golden import GoldenQuestion
from rag_service.domain.ids import DraftId, EvalRunId, JobId
from rag_service.domain.jobs import Job
from rag_service.errors import NotFound, RagError
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ReasonCode
from rag_service.use_cases.gates import COUNTING, PublishGate
from rag_service.use_cases.seal_plan import StillHeld

Clock = Callable[[], datetime]


class EvaluateDraft(Protocol):
    """Asks the golden questions of a draft and of what it would replace."""

    def __call__(self, scope: AccessScope, draft: Draft, *, still_held: StillHeld) -> Awaitable[Gate]:
        """Return the verdict."""


class RunSuite(Protocol):
    """Asks the questions of a run, as far as they were not asked yet."""

    def __call__(
        self, scope: AccessScope, run: EvalRun, questions: Sequence[GoldenQuestion], *, still_held: StillHeld
    ) -> Awaitable[EvalRun]:
        """Return the run as it is kept, finished or failed."""


class Unmeasured(RagError):
    """Questions could not be asked, for a reason that may pass."""


class DraftEvaluationHandler:
    """Gives drafts that are to be published their verdict, one at a time."""

    limit = 1
    choose = staticmethod(choose_first)

    def __init__(self, evaluate: EvaluateDraft, *, catalog: Catalog, gate: PublishGate, clock: Clock) -> None:
        self._evaluate = evaluate
        self._catalog = catalog
        self._gate = gate
        self._clock = clock

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Evaluate the drafts, and let what follows from the verdicts happen."""
        for job in jobs:
            erasures = await self._erasures(job)
            verdict = await self._verdict(job)
            async with self._catalog.writing() as tx:
                if job.id in await tx.jobs.succeed([job], now=self._clock()):
                    scope = system_scope(job.tenant_id)
                    if verdict is not None and await _may_be_kept(tx, job, verdict, erasures):
                        await tx.gates.put(scope, verdict)
                    await self._gate.go_on(tx, scope, DraftId(job.subject))
        return {}

    async def _verdict(self, job: Job) -> Gate | None:
        """Return the verdict, None when nobody waits for one any more.

        Raises:
            Unmeasured: there is none.
        """
        draft = await self._awaiting(job)
        if draft is None:
            return None
        scope, still_held = system_scope(job.tenant_id), still_held_of(self._catalog, job)
        gate = await self._evaluate(scope, draft, still_held=still_held)
        if gate.verdict is not Verdict.UNMEASURED:
            return gate
        # One that was unsealed meanwhile could not be asked, and nothing is wrong with that.
        if await self._awaiting(job) == draft:
            raise Unmeasured(gate.reason or "The golden questions could not be asked.")
        return None

    async def _erasures(self, job: Job) -> int | None:
        async with self._catalog.reading() as tx:
            return await _erasures_of(tx, job)

    async def _awaiting(self, job: Job) -> Draft | None:
        try:
            async with self._catalog.reading() as tx:
                draft = await tx.drafts.get(system_scope(job.tenant_id), DraftId(job.subject))
        except NotFound:
            return None
        return draft if draft.awaits_publish else None

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """Whatever it is, it may pass."""
        return _reason_of(error)

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Say why there is no verdict: the draft stays sealed as a preview, and people can publish it again."""
        scope = system_scope(job.tenant_id)
        with suppress(NotFound):
            draft = await tx.drafts.get(scope, DraftId(job.subject))
            if draft.awaits_publish:
                await self._gate.give_up(tx, scope, draft, detail)


async def _may_be_kept(tx: Transaction, job: Job, gate: Gate, erasures: int | None) -> bool:
    """Say whether nothing was erased since whose words may stand in the verdict. Nothing is until the transaction ends."""
    scope = system_scope(job.tenant_id)
    # The corpus first, as an erasure does: in another order the two could wait for each other.
    await tx.corpora.lock(scope, gate.corpus_id)
    blamed = {regression.question_id for regression in gate.regressions}
    known = await tx.golden.known(scope, blamed, lock=True)
    return known.keys() == blamed and await _erasures_of(tx, job) == erasures


async def _erasures_of(tx: Transaction, job: Job) -> int | None:
    """Return how much was erased of the job's corpus, None when it is gone."""
    if job.corpus_id is None:
        return None
    with suppress(NotFound):
        return (await tx.corpora.get(system_scope(job.tenant_id), job.corpus_id)).erasures
    return None


class SuiteHandler:
    """Carries out runs of suites, one at a time."""

    limit = 1
    choose = staticmethod(choose_first)

    def __init__(self, run_suite: RunSuite, *, catalog: Catalog, clock: Clock) -> None:
        self._run_suite = run_suite
        self._catalog = catalog
        self._clock = clock

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Carry the runs out; one that was removed meanwhile is done with."""
        for job in jobs:
            if run := await self._read(job):
                await self._measure(job, run)
            async with self._catalog.writing() as tx:
                await tx.jobs.succeed([job], now=self._clock())
        return {}

    async def _read(self, job: Job) -> EvalRun | None:
        with suppress(NotFound):
            async with self._catalog.reading() as tx:
                return await tx.eval_runs.get(system_scope(job.tenant_id), EvalRunId(job.subject))
        return None

    async def _measure(self, job: Job, run: EvalRun) -> None:
        scope, still_held = system_scope(job.tenant_id), still_held_of(self._catalog, job)
        async with self._catalog.reading() as tx:
            questions = await tx.golden.all(scope, run.corpus_id, states=COUNTING)
        if run.state is not EvalRunState.FINISHED:
            run = await self._run_suite(scope, run, questions, still_held=still_held)
        if run.state is not EvalRunState.FINISHED:
            raise Unmeasured(run.error or "The questions could not be asked.")
        if run.purpose is RunPurpose.AFTER_PUBLISH:
            await self._compare(scope, run, still_held)

    async def _compare(self, scope: AccessScope, run: EvalRun, still_held: StillHeld) -> None:
        # Reading two runs may take a while, in which nobody else should have to wait for this.
        async with self._catalog.reading() as tx:
            compared = await compared_with_before(tx, scope, run)
        async with self._catalog.writing() as tx:
            await still_held(tx)
            await tx.eval_runs.change(scope, compared)
        tell_regressed(compared)

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """Whatever it is, it may pass."""
        return _reason_of(error)

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Say in the run why there are no figures."""
        scope = system_scope(job.tenant_id)
        with suppress(NotFound):
            run = await tx.eval_runs.get(scope, EvalRunId(job.subject))
            if run.state in OPEN_RUNS:
                await tx.eval_runs.change(scope, run.failed(detail, self._clock()))


def _reason_of(error: Exception) -> tuple[ReasonCode, bool]:
    return ReasonCode.UNMEASURED if isinstance(error, Unmeasured) else ReasonCode.INTERNAL, True
