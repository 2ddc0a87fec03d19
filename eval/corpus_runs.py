"""Runs that people start on this machine: kept in the catalog as every run is, and shown as a part of a report."""

import asyncio
from collections.abc import Mapping, Sequence

from eval.bootstrap import Evaluation
from eval.datasets.cases import Case
from eval.loading import Tell
from eval.metrics.ragas import Judge
from eval.results import Section
from eval.run_suites import RunSuites
from rag_service.domain.access import Permission
from rag_service.domain.evaluations import CaseResult, EvalRun, EvalRunState, RunPurpose
from rag_service.domain.golden import digest_of
from rag_service.domain.ids import EvalRunId, new_id
from rag_service.errors import RagError
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
        if run.state is EvalRunState.FAILED:
            raise NotMeasured(f"{run.error} The run is kept as {run.id}.")
        name, _, _ = corpus.partition("@")
        return section_of(f"{name}@{run.number}", run, await self._container.evaluations.results(self._scope, run.id))

    async def _run(self, queued: EvalRun, cases: Sequence[Case], targets: Mapping[str, float]) -> EvalRun:
        run_suites = RunSuites(
            container=self._container, judge=self._judge, parallel=self._container.settings.evaluation.parallel
        )
        return await run_suites(
            self._scope, queued, cases, targets=targets, with_ragas=self._with_ragas, is_fresh=self._is_fresh
        )

    async def _added(self, corpus: str, cases: Sequence[Case], suite: str) -> EvalRun:
        pinned = await self._container.search.pin(self._scope, corpus)
        async with self._container.catalog.writing() as tx:
            draft = await tx.drafts.in_slot(self._scope, pinned.corpus.id)
            run = EvalRun(
                id=EvalRunId(new_id("eval_")),
                tenant_id=pinned.corpus.tenant_id,
                corpus_id=pinned.corpus.id,
                number=pinned.number or None,
                draft_id=draft.id if draft and draft.number == pinned.number else None,
                suite=suite,
                suite_digest=digest_of(cases),
                purpose=RunPurpose.BY_HAND,
                state=EvalRunState.QUEUED,
                total=len(cases),
                created_at=self._container.clock(),
            )
            await tx.eval_runs.add(self._scope, run)
        return run

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
        evidence=[
            {"id": one.case_id, **one.evidence, "scores": dict(one.scores), "missing": dict(one.missing)}
            for one in results
        ],
        notes=[f"Kept as {run.id}.", *run.notes],
        made_with=run.made_with,
    )
