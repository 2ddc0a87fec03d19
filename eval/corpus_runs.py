"""Runs that people start on this machine: kept in the catalog as every run is, and shown as a part of a report."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from eval.bootstrap import Evaluation
from eval.datasets.cases import Case
from eval.loading import Tell
from eval.metrics.ragas import Judge
from eval.otlp.receiver import receiver_of
from eval.run_suites import RunSuites
from rag_service.api.run_report import Section, case_row
from rag_service.domain.access import Permission
from rag_service.domain.evaluations import OPEN_RUNS, CaseResult, EvalRun, EvalRunState, RunPurpose, new_run
from rag_service.errors import DependencyUnavailable, NotFound, RagError
from rag_service.use_cases.evaluations import draft_under
from rag_service.use_cases.permissions import require

_LOOK_EVERY_S = 1.0


class NotMeasured(RagError):
    """A run failed: nothing is said of the corpus."""


class CorpusRuns:
    """Asks questions of a corpus ("name", "name@12", "name@draft") for somebody who may evaluate and ask it."""

    def __init__(self, evaluation: Evaluation, *, judge: Judge | None, with_ragas: bool, is_fresh: bool) -> None:
        self._container = evaluation.container
        self._scope = evaluation.scope
        self._judge = judge
        self._with_ragas = with_ragas
        self._is_fresh = is_fresh

    async def __call__(
        self, corpus: str, cases: Sequence[Case], *, suite: str, targets: Mapping[str, float], tell: Tell
    ) -> Section:
        """Return what was found.

        Raises:
            NotFound: no such corpus or version, or the caller may not evaluate or ask it.
            NotMeasured: too many questions could not be asked.
        """
        require(self._scope, Permission.EVAL, kind="corpus", ref=corpus)
        queued = await self._added(corpus, cases, suite)
        progress = asyncio.create_task(self._tell_progress(queued, tell))
        try:
            run = await self._run(queued, cases, targets)
        finally:
            progress.cancel()
            await asyncio.gather(progress, return_exceptions=True)
            await self._close(queued)
        if run.state is EvalRunState.FAILED:
            raise NotMeasured(f"{run.error} The run is kept as {run.id}.")
        name, _, _ = corpus.partition("@")
        found = await self._container.evaluations.measured(self._scope, run.id)
        return section_of(f"{name}@{run.number}", found.run, found.results)

    async def _run(self, queued: EvalRun, cases: Sequence[Case], targets: Mapping[str, float]) -> EvalRun:
        settings = self._container.settings.evaluation
        run_suites = RunSuites(
            container=self._container,
            judge=self._judge,
            parallel=settings.parallel,
            receiver=receiver_of(settings),
        )
        return await run_suites(
            self._scope, queued, cases, targets=targets, with_ragas=self._with_ragas, is_fresh=self._is_fresh
        )

    async def _added(self, corpus: str, cases: Sequence[Case], suite: str) -> EvalRun:
        pinned = await self._container.search.pin(self._scope, corpus)
        async with self._container.catalog.writing() as tx:
            run = new_run(
                pinned.corpus.tenant_id,
                pinned.corpus.id,
                cases,
                number=pinned.number or None,
                draft_id=await draft_under(tx, self._scope, pinned.corpus.id, pinned.number),
                suite=suite,
                purpose=RunPurpose.BY_HAND,
                now=self._container.clock(),
            )
            await tx.eval_runs.add(self._scope, run)
        return run

    async def _close(self, queued: EvalRun) -> None:
        """End a run that was cut short: nobody goes on with it."""
        # Without the catalog, too, which may be what cut it short.
        with suppress(NotFound, DependencyUnavailable):
            async with self._container.catalog.writing() as tx:
                run = await tx.eval_runs.get(self._scope, queued.id)
                if run.state in OPEN_RUNS:
                    await tx.eval_runs.change(self._scope, run.failed("It was cut short.", self._container.clock()))

    async def _tell_progress(self, run: EvalRun, tell: Tell) -> None:
        while True:
            async with self._container.catalog.reading() as tx:
                now = await tx.eval_runs.get(self._scope, run.id)
            tell(f"{now.suite}: {now.done} of {now.total} questions")
            await asyncio.sleep(_LOOK_EVERY_S)


def section_of(name: str, run: EvalRun, results: Sequence[CaseResult]) -> Section:
    """Return a kept run as a part of a report."""
    return Section(
        name=name,
        metrics=list(run.figures),
        evidence=[case_row(one, judge=run.judge) for one in results],
        notes=[f"Kept as {run.id}.", *run.notes],
        made_with=run.made_with,
    )
