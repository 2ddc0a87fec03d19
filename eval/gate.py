"""The gate of a held draft: its golden questions, asked of the draft and of what is published, side by side."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eval.datasets.golden import cases_of
from eval.judged_gate import Finding, judge_draft
from eval.metrics.ragas import Judge
from eval.regressions import made_otherwise, regression_of
from eval.responsible import FindResponsible
from eval.run_suites import RunSuites
from rag_service.bootstrap import Container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.changed_questions import seen_answer
from rag_service.domain.drafts import Draft
from rag_service.domain.evaluations import GOLDEN_SUITE, CaseResult, EvalRun, EvalRunState, RunPurpose, new_run
from rag_service.domain.gates import Gate, Regression, RegressionKind, Verdict
from rag_service.domain.golden import GoldenQuestion, digest_of
from rag_service.domain.ids import GoldenId
from rag_service.domain.pages import PageRequest
from rag_service.errors import Conflict
from rag_service.ports.catalog import Transaction
from rag_service.use_cases.gates import COUNTING, new_gate
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.seal_plan import StillHeld

_LOOKED_AT = 20
"""So many of the newest runs are looked through for one that was cut short."""

_VERSIONS = 2
"""The judge sees the draft and what is published."""

_BUILT_OF = ("embedder", "sparse encoder", "chunker")

Evidence = Mapping[str, Any]
Answered = Mapping[str, Evidence]
"""The evidence of each question that was asked."""


async def evaluate_draft(
    container: Container,
    run_suites: RunSuites,
    scope: AccessScope,
    draft: Draft,
    *,
    still_held: StillHeld,
) -> Gate:
    """Return the verdict about a draft as it is sealed, which is left to the caller to keep.

    The draft is unmeasured, neither passed nor blocked, when a question could not be asked of both versions.

    Raises:
        DependencyUnavailable: an outage, after which this can be repeated.
        LeaseLost: by `still_held`.
    """
    gate = new_gate(draft, Verdict.PASSED, now=container.clock())
    return await _Evaluation(container, run_suites, scope, gate, still_held)()


class _Evaluation:
    """One evaluation of one draft."""

    def __init__(
        self, container: Container, run_suites: RunSuites, scope: AccessScope, gate: Gate, still_held: StillHeld
    ) -> None:
        self._container = container
        self._run_suites = run_suites
        self._scope = system_scope(scope.tenant_id)
        self._gate = gate
        self._still_held = still_held

    async def __call__(self) -> Gate:
        async with self._container.catalog.reading() as tx:
            questions = await tx.golden.all(self._scope, self._gate.corpus_id, states=COUNTING)
        self._gate = replace(self._gate, suite_digest=digest_of(questions))
        if not questions:
            return self._gate
        if not self._gate.against:
            return replace(self._gate, reason="Nothing is published yet that the draft could be compared with.")
        if reason := await self._why_not_comparable():
            return replace(self._gate, reason=reason)
        base = await self._asked(questions, self._gate.against)
        run = await self._asked(questions, self._gate.number)
        asked = replace(self._gate, questions=len(questions), run_id=run.id, base_run_id=base.id)
        before, after = await self._measured(base), await self._measured(run)
        if reason := _why_unmeasured(questions, (base, before), (run, after)):
            return replace(asked, verdict=Verdict.UNMEASURED, reason=reason)
        judged = await self._judged(questions)
        regressions = await self._regressions(questions, before, after, judged.case_ids)
        verdict = Verdict.BLOCKED if regressions else Verdict.PASSED
        reasons = filter(None, (_built_another_way(base, run), judged.reason))
        return replace(asked, verdict=verdict, regressions=regressions, reason=" ".join(reasons) or None)

    async def _judged(self, questions: Sequence[GoldenQuestion]) -> Finding:
        """Return what the judge finds; without one, or when it is not to be asked, nothing."""
        judge, settings = self._run_suites.judge, self._container.settings.evaluation
        times = settings.gate_judgements
        if judge is None or not times:
            return Finding()
        bounded = replace(judge, total_s=settings.gate_judge_s / (_VERSIONS * times))

        async def ask(number: int, pinned: Judge) -> Sequence[CaseResult]:
            return await self._results(await self._asked(questions, number, pinned))

        return await judge_draft(ask, bounded, against=self._gate.against, number=self._gate.number, times=times)

    async def _why_not_comparable(self) -> str | None:
        """Say why what is published cannot be asked: a model that is gone must not keep out the draft that replaces it."""
        parts = self._container
        async with parts.catalog.reading() as tx:
            published = await tx.versions.get(self._scope, self._gate.corpus_id, self._gate.against)
        try:
            await parts_of(parts.catalog, parts.build_parts, self._scope, self._gate.corpus_id, published.fingerprint)
        except Conflict as exc:
            return f"What is published cannot be asked any more: {exc}"
        return None

    async def _asked(self, questions: Sequence[GoldenQuestion], number: int, judge: Judge | None = None) -> EvalRun:
        async with self._container.catalog.writing() as tx:
            await self._still_held(tx)
            run = await self._unfinished(tx, number, judge) or await self._added(tx, questions, number, judge)
        run_suites = self._run_suites.judged_by(judge)
        return await run_suites(
            self._scope,
            run,
            cases_of(questions),
            still_held=self._still_held,
            with_ragas=judge is not None,
            # What the judge said of a version on another day says nothing of the draft: its model may have changed since.
            is_fresh=judge is not None,
        )

    async def _unfinished(self, tx: Transaction, number: int, judge: Judge | None) -> EvalRun | None:
        """Return the run of an attempt that came to no verdict: what it has is not asked again."""
        newest = PageRequest(limit=_LOOKED_AT)
        page = await tx.eval_runs.page(self._scope, corpus_id=self._gate.corpus_id, suite=GOLDEN_SUITE, page=newest)
        wanted = (RunPurpose.GATE, number, _identity_of(judge))
        same = (run for run in page.items if (run.purpose, run.number, run.judge) == wanted)
        return next((run for run in same if self._is_left_to_us(run)), None)

    def _is_left_to_us(self, run: EvalRun) -> bool:
        # An open run of what is published may be one that another draft's evaluation is at.
        is_ours = run.draft_id == self._gate.draft_id and run.state is not EvalRunState.FINISHED
        return is_ours or run.state is EvalRunState.FAILED

    async def _added(
        self, tx: Transaction, questions: Sequence[GoldenQuestion], number: int, judge: Judge | None
    ) -> EvalRun:
        run = new_run(
            self._gate.tenant_id,
            self._gate.corpus_id,
            questions,
            number=number,
            draft_id=self._gate.draft_id if number == self._gate.number else None,
            purpose=RunPurpose.GATE,
            now=self._container.clock(),
        )
        added = replace(run, judge=_identity_of(judge))
        await tx.eval_runs.add(self._scope, added)
        return added

    async def _measured(self, run: EvalRun) -> Answered:
        results = await self._results(run)
        return {result.case_id: result.evidence for result in results if not result.evidence["failure"]}

    async def _results(self, run: EvalRun) -> Sequence[CaseResult]:
        async with self._container.catalog.reading() as tx:
            return await tx.eval_runs.results(self._scope, run.id)

    async def _regressions(
        self, questions: Sequence[GoldenQuestion], before: Answered, after: Answered, judged: Collection[str]
    ) -> tuple[Regression, ...]:
        kinds = {question.id: regression_of(before[question.id], after[question.id]) for question in questions}
        # What a question lost by fact is what has to be accepted, whatever the judge says of it besides.
        worse = {
            question_id: kind or RegressionKind.JUDGED_WORSE
            for question_id, kind in kinds.items()
            if kind is not None or question_id in judged
        }
        if not worse:
            return ()
        changes = await self._container.versions.diff(
            self._scope, corpus=self._gate.corpus_id, before=self._gate.against, after=self._gate.number
        )
        find = FindResponsible(catalog=self._container.catalog, scope=self._scope, changes=changes)
        return tuple([await _regression(question_id, kind, before, after, find) for question_id, kind in worse.items()])


async def _regression(
    question_id: GoldenId, kind: RegressionKind, before: Answered, after: Answered, find: FindResponsible
) -> Regression:
    old, new = before[question_id], after[question_id]
    return Regression(
        question_id=question_id,
        question=new["question"],
        kind=kind,
        before=seen_answer(old),
        after=seen_answer(new),
        responsible=await find(old, new),
    )


def _identity_of(judge: Judge | None) -> str | None:
    return judge.identity if judge else None


def _why_unmeasured(questions: Sequence[GoldenQuestion], *asked: tuple[EvalRun, Answered]) -> str | None:
    """Say why the versions cannot be compared: a question lacks its answer in one of them."""
    for run, measured in asked:
        if run.error:
            return f"Version {run.number} could not be asked: {run.error}"
        if lacking := sum(question.id not in measured for question in questions):
            return f"{lacking} of {len(questions)} questions could not be asked of version {run.number}."
    return None


def _built_another_way(base: EvalRun, run: EvalRun) -> str | None:
    """Say in what the build of the draft differs: then documents need not be responsible for anything."""
    differing = made_otherwise(base, run, _BUILT_OF)
    return f"The draft is built another way: {differing}." if differing else None
