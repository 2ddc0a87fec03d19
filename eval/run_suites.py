"""Runs a suite over one version of a corpus, and keeps what it finds in the catalog."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from eval.asking import AskCase
from eval.datasets.cases import Case
from eval.judging import JudgeFree, open_judging
from eval.keeping import KeptRun
from eval.metrics.ragas import Judge, is_failure, ragas_versions
from eval.metrics.scores import Score
from eval.metrics.suite_scores import figures_of, scores_of
from eval.otlp.receiver import NotUploaded, Receiver
from eval.provenance import build_of, made_with
from rag_service.bootstrap import Container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.evaluations import NOT_UPLOADED, CaseResult, EvalRun, EvalRunState, RunPurpose
from rag_service.domain.golden import digest_of
from rag_service.domain.metric_names import RAGAS_PREFIX
from rag_service.domain.versions import PinnedVersion, Version
from rag_service.errors import Conflict, NotFound
from rag_service.ports.catalog import Transaction
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.readable_versions import pinned_version
from rag_service.use_cases.seal_plan import StillHeld

_NO_TARGETS: Mapping[str, float] = {}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """What is asked, and everything that decides what comes out."""

    version: PinnedVersion
    exact: bool
    made_with: Mapping[str, str]

    @property
    def ref(self) -> str:
        return f"{self.version.corpus.id}@{self.version.number}"

    def cache_key(self, case: Case) -> str:
        corpus = self.version.corpus
        # An erasure changes a version under the same number.
        parts = [case.digest, corpus.id, self.version.number, corpus.erasures, dict(self.made_with)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class RunSuites:
    """Asks every question of a suite through the service's own use case, as the system that sees every document.

    What another run found under the same key is taken over and not asked again.
    """

    def __init__(
        self, *, container: Container, judge: Judge | None, parallel: int, receiver: Receiver | None = None
    ) -> None:
        self._container = container
        self._judge = judge
        self._parallel = parallel
        self._receiver = receiver

    @property
    def judge(self) -> Judge | None:
        """Who judges, None when nobody does."""
        return self._judge

    def judged_by(self, judge: Judge | None) -> "RunSuites":
        """Return the same with another judge, or without one."""
        return RunSuites(container=self._container, judge=judge, parallel=self._parallel, receiver=self._receiver)

    async def __call__(
        self,
        scope: AccessScope,
        run: EvalRun,
        cases: Sequence[Case],
        *,
        targets: Mapping[str, float] = _NO_TARGETS,
        still_held: StillHeld | None = None,
        with_ragas: bool = True,
        is_fresh: bool = False,
    ) -> EvalRun:
        """Return the run as it is kept, finished or failed. Safe to repeat: what the run has is not asked again.

        `run` is in the catalog; its version is what is published when it has no number yet. `is_fresh` takes nothing
        over from other runs.

        Raises:
            NotFound: the run is outside the scope.
            DependencyUnavailable: it could not be begun, or not written; the run can be gone on with.
            LeaseLost: by `still_held`.
        """
        kept = await self._keep(scope, run, still_held or _held_by_nobody_else)
        try:
            pinned = await self._begin(kept, cases)
        except (NotFound, Conflict) as exc:
            return await self._end(kept, EvalRunState.FAILED, error=str(exc))
        keys = {case.id: pinned.cache_key(case) for case in cases}
        unasked = await self._take_over(kept, cases, keys, is_fresh=is_fresh)
        await self._ask(kept, pinned, unasked, keys)
        if error := _why_not_measured(await self._found(kept, keys), len(cases)):
            return await self._end(kept, EvalRunState.FAILED, error=error)
        if with_ragas:
            await self._judge_answers(kept)
        found = await self._found(kept, keys)
        # A thousand resamples of each figure: whoever shares the loop renews a lease meanwhile.
        figures = await asyncio.to_thread(figures_of, found, targets)
        # Before it ends: who goes on with a run that was cut short in between sends it again.
        notes = await self._upload(replace(kept.run, finished_at=self._container.clock()), found)
        return await self._end(kept, EvalRunState.FINISHED, figures=figures, notes=notes)

    async def _upload(self, run: EvalRun, results: Sequence[CaseResult]) -> tuple[str, ...]:
        """Send a run to its receiver, if there is one; return its notes, of which one says what went wrong there."""
        # What an earlier attempt said of its own sending goes.
        notes = tuple(note for note in run.notes if not note.startswith(NOT_UPLOADED))
        if self._receiver is None:
            return notes
        try:
            await self._receiver.receive(run, results)
        except NotUploaded as exc:
            _log.warning("evaluation_not_uploaded", run_id=run.id, reason=str(exc))
            return (*notes, f"{NOT_UPLOADED}: {exc}.")
        return notes

    async def _found(self, kept: KeptRun, keys: Mapping[str, str]) -> list[CaseResult]:
        # A question may have been withdrawn since an earlier attempt of this run.
        return [result for result in await kept.results() if result.case_id in keys]

    async def _keep(self, scope: AccessScope, run: EvalRun, still_held: StillHeld) -> KeptRun:
        async with self._container.catalog.reading() as tx:
            known = await tx.eval_runs.get(scope, run.id)
        return KeptRun(
            catalog=self._container.catalog, scope=system_scope(scope.tenant_id), run=known, still_held=still_held
        )

    async def _begin(self, kept: KeptRun, cases: Sequence[Case]) -> _Pinned:
        parts, judge = self._container, self._judge.identity if self._judge else None
        async with parts.catalog.reading() as tx:
            version = await _version_of(tx, kept.scope, kept.run)
            sealed = await tx.versions.get(kept.scope, version.corpus.id, version.number)
        built = await parts_of(parts.catalog, parts.build_parts, kept.scope, version.corpus.id, version.fingerprint)
        exact = _is_exact(parts.settings.retrieval, kept.run, sealed)
        asked_with = {"exact search": str(exact), "judge": judge or "none", **ragas_versions()}
        if self._judge:
            asked_with["judged metrics"] = ", ".join(self._judge.metrics)
        decided_by = made_with(parts, build_of(built), corpus=version.corpus) | asked_with
        await kept.change(
            number=version.number,
            state=EvalRunState.RUNNING,
            suite_digest=digest_of(cases),
            made_with=decided_by,
            judge=judge,
            total=len(cases),
            error=None,
            finished_at=None,
        )
        return _Pinned(version=version, exact=exact, made_with=decided_by)

    async def _take_over(
        self, kept: KeptRun, cases: Sequence[Case], keys: Mapping[str, str], *, is_fresh: bool
    ) -> list[Case]:
        """Keep what is known already, and return the questions that are still to be asked."""
        own = {result.case_id for result in await kept.results() if keys.get(result.case_id) == result.cache_key}
        others = [case for case in cases if case.id not in own]
        known = {} if is_fresh else await kept.known({keys[case.id] for case in others})
        taken = [replace(known[keys[case.id]], case_id=case.id) for case in others if keys[case.id] in known]
        await kept.put(taken, done=len(own) + len(taken))
        return [case for case in others if keys[case.id] not in known]

    async def _ask(self, kept: KeptRun, pinned: _Pinned, cases: Sequence[Case], keys: Mapping[str, str]) -> None:
        """Ask the questions, some at once; when more than half of all failed, the rest are not tried."""
        ask = AskCase(container=self._container, scope=kept.scope, corpus=pinned.ref, exact=pinned.exact)
        judge = JudgeFree(self._container)
        threshold = self._container.settings.verification.support_threshold
        waiting, failed = iter(cases), 0

        async def work() -> None:
            nonlocal failed
            for case in waiting:
                evidence, documents = await ask(case)
                scores = scores_of(evidence, support_threshold=threshold) | await judge(evidence)
                key = "" if evidence["failure"] else keys[case.id]
                asked = CaseResult(
                    case_id=case.id, cache_key=key, scores={}, missing={}, evidence=evidence, documents=documents
                )
                await kept.add(_with(asked, scores))
                failed += bool(evidence["failure"])
                if 2 * failed > kept.run.total:
                    return

        await _all_of([work() for _ in range(self._parallel)])
        await kept.flush()

    async def _judge_answers(self, kept: KeptRun) -> None:
        """Add the scores of RAGAS to the answers that have none of them yet."""
        due = [result for result in await kept.results() if _is_to_be_judged(result)]
        async with open_judging(self._container, self._judge) as judge:
            for result in due:
                await kept.put([_with(result, await judge(result.evidence))], done=kept.run.done)

    async def _end(self, kept: KeptRun, state: EvalRunState, **found: Any) -> EvalRun:
        return await kept.change(state=state, finished_at=self._container.clock(), **found)


async def _version_of(tx: Transaction, scope: AccessScope, run: EvalRun) -> PinnedVersion:
    corpus = await tx.corpora.get(scope, run.corpus_id)
    if run.number is None and not corpus.published:
        raise Conflict(f"Nothing of {corpus.name} is published yet.")
    return await pinned_version(tx, scope, corpus, str(run.number or corpus.published))


def _is_exact(settings: RetrievalSettings, run: EvalRun, version: Version) -> bool:
    """Say whether every chunk is looked at; in a small version the service itself does that."""
    # A gate compares two versions: a walk of the graph that misses a passage must not pass for a loss.
    return settings.exact or run.purpose is RunPurpose.GATE or version.chunk_count < settings.exact_below


def _is_to_be_judged(result: CaseResult) -> bool:
    is_judged = any(name.startswith(RAGAS_PREFIX) for name in result.scores)
    return result.evidence["answerable"] and not is_judged


def _with(result: CaseResult, scores: Mapping[str, Score]) -> CaseResult:
    """Return a result with more scores; one that could not be judged this time is asked anew the next time."""
    return replace(
        result,
        cache_key="" if any(map(is_failure, scores.values())) else result.cache_key,
        scores={**result.scores, **{name: score.value for name, score in scores.items()}},
        missing={**result.missing, **{name: score.reason for name, score in scores.items() if score.value is None}},
    )


def _why_not_measured(results: Sequence[CaseResult], total: int) -> str | None:
    """Say why a run says nothing: more than half of its questions could not be asked."""
    failures = Counter(result.evidence["failure"] for result in results if result.evidence["failure"])
    if 2 * failures.total() <= total:
        return None
    [(reason, _)] = failures.most_common(1)
    return f"{failures.total()} of {total} questions failed ({reason}), so nothing is said of the others."


async def _all_of(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; when one fails or this is cancelled, none goes on."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _held_by_nobody_else(tx: Transaction | None = None) -> None:
    """A run that no job is about belongs to who started it."""
