"""Runs of suites, as people start them and look at them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.agreements import AGREEMENT_SUITE, with_agreement
from rag_service.domain.comparisons import Comparison, Measured, compare
from rag_service.domain.differences import VersionDiff
from rag_service.domain.evaluations import GOLDEN_SUITE, CaseResult, EvalRun, EvalRunState, RunPurpose, new_run
from rag_service.domain.ids import CorpusId, DraftId, EvalRunId
from rag_service.domain.jobs import OPEN_STATES, Job, JobKind, Priority, new_job
from rag_service.domain.pages import MAX_LIMIT, Page, PageRequest
from rag_service.domain.trends import TrendPoint, belongs_to_trend, trend_of
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.job_queue import JobQueue
from rag_service.use_cases.compare_versions import CompareVersions
from rag_service.use_cases.gates import COUNTING
from rag_service.use_cases.paired_differences import PairedDifferences
from rag_service.use_cases.permissions import require
from rag_service.use_cases.readable_versions import pinned_version

_LOOKED_AT = 20
"""So many of the newest runs are looked through for one that waits already, or has the same judge."""


class ReadEvaluations:
    """Runs and their results, for those who may evaluate; a result that shows what the caller may not see is left out.

    A run that is read by itself or in a trend notes how far those who scored it agree with people.
    """

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog
        self._versions = CompareVersions(catalog=catalog)

    async def list(
        self, scope: AccessScope, *, page: PageRequest, corpus: str | None = None, suite: str | None = None
    ) -> Page[EvalRun]:
        """Return runs by time, of one corpus (name or id) or all in scope, of one suite or all."""
        require(scope, Permission.EVAL, kind="endpoint", ref="/v1/evals")
        async with self._catalog.reading() as tx:
            corpus_id = None if corpus is None else (await tx.corpora.get(scope, corpus)).id
            return await tx.eval_runs.page(scope, corpus_id=corpus_id, suite=suite, page=page)

    async def get(self, scope: AccessScope, run_id: EvalRunId) -> EvalRun:
        """Return a run, or raise NotFound."""
        _require_eval(scope, run_id)
        async with self._catalog.reading() as tx:
            run = await tx.eval_runs.get(scope, run_id)
            return with_agreement(run, await _agreements(tx, scope, run.corpus_id))

    async def measured(self, scope: AccessScope, run_id: EvalRunId) -> Measured:
        """Return a run with all its results by case, or raise NotFound."""
        _require_eval(scope, run_id)
        async with self._catalog.reading() as tx:
            run = await tx.eval_runs.get(scope, run_id)
            await _assert_words_are_readable(tx, scope, run)
            noted = with_agreement(run, await _agreements(tx, scope, run.corpus_id))
            return Measured(run=noted, results=await tx.eval_runs.results(scope, run_id))

    async def results(self, scope: AccessScope, run_id: EvalRunId) -> Sequence[CaseResult]:
        """Return all results of a run by case, or raise NotFound."""
        return (await self.measured(scope, run_id)).results

    async def results_page(self, scope: AccessScope, run_id: EvalRunId, page: PageRequest) -> Page[CaseResult]:
        """Return a part of the results of a run by case, or raise NotFound."""
        _require_eval(scope, run_id)
        async with self._catalog.reading() as tx:
            await _assert_words_are_readable(tx, scope, await tx.eval_runs.get(scope, run_id))
            return await tx.eval_runs.results_page(scope, run_id, page)

    async def result(self, scope: AccessScope, run_id: EvalRunId, case_id: str) -> CaseResult:
        """Return what became of one question, or raise NotFound."""
        _require_eval(scope, run_id)
        async with self._catalog.reading() as tx:
            await _assert_words_are_readable(tx, scope, await tx.eval_runs.get(scope, run_id))
            return await tx.eval_runs.result(scope, run_id, case_id)

    async def trend(
        self, scope: AccessScope, *, corpus: str, suite: str = GOLDEN_SUITE, limit: int | None = None
    ) -> tuple[TrendPoint, ...]:
        """Return how a suite of a corpus came out each time or the last `limit` times, oldest first; or raise NotFound."""
        require(scope, Permission.EVAL, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            agreements = await _agreements(tx, scope, target.id)
            runs: list[EvalRun] = []
            async for run in _newest_first(tx, scope, target, suite):
                if belongs_to_trend(run):
                    runs.append(with_agreement(run, agreements))
                if len(runs) == limit:
                    break
        return trend_of(reversed(runs))

    async def compare(self, scope: AccessScope, before: EvalRunId, after: EvalRunId) -> Comparison:
        """Return how the second run differs from the first.

        Raises:
            NotFound: there is no such run, or the caller may not evaluate.
            InvalidRequest: the runs are about different corpora or suites.
        """
        old, new = await self.measured(scope, before), await self.measured(scope, after)
        if (old.run.corpus_id, old.run.suite) != (new.run.corpus_id, new.run.suite):
            raise InvalidRequest("Only runs of the same suite over the same corpus can be compared.", param="b")
        documents = await self._differing_documents(scope, old.run, new.run)
        # Resampling and going through thousands of answers takes longer than other requests should wait.
        return await asyncio.to_thread(compare, old, new, measure=PairedDifferences(), documents=documents)

    async def _differing_documents(self, scope: AccessScope, before: EvalRun, after: EvalRun) -> VersionDiff | None:
        if before.number is None or after.number is None or before.number == after.number:
            return None
        # A version may have been dropped meanwhile, or not be for the caller to read: the figures are.
        with suppress(NotFound):
            return await self._versions.documents(
                scope, corpus=before.corpus_id, before=before.number, after=after.number
            )
        return None


async def _assert_words_are_readable(tx: Transaction, scope: AccessScope, run: EvalRun) -> None:
    """What a draft answered is for those who may publish it; its figures, and what was once published, for all who evaluate."""
    if run.number is None or scope.may(Permission.PUBLISH):
        return
    try:
        was_published = (await tx.versions.get(scope, run.corpus_id, run.number)).published_at is not None
    except NotFound:
        was_published = run.draft_id is None  # a version that is kept no longer; a draft's number is given up with it
    if not was_published:
        raise NotFound("evaluation run", run.id)


class StartEvaluation:
    """Has the golden questions of a corpus asked and measured; a job does it."""

    def __init__(self, *, catalog: Catalog, queue: JobQueue, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._queue = queue
        self._clock = clock

    async def start(
        self,
        scope: AccessScope,
        *,
        corpus: str,
        version: str | None = None,
        purpose: RunPurpose = RunPurpose.BY_HAND,
    ) -> tuple[EvalRun, Job]:
        """Add a run and its job. `version` is what may stand after an @; None for what is published when it begins.

        `corpus` may be "name@version" too.

        Raises:
            NotFound: no such corpus or version, or the caller may not evaluate or not ask it.
            Conflict: no golden question is accepted, nothing is published, or such a run waits already.
        """
        name, _, ref = corpus.partition("@")
        require(scope, Permission.EVAL, kind="corpus", ref=name)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, name)
            run, job = await self.add(tx, scope, target, version or ref or None, purpose=purpose)
        await self._queue.announce([job])
        return run, job

    async def add(
        self, tx: Transaction, scope: AccessScope, corpus: Corpus, ref: str | None, *, purpose: RunPurpose
    ) -> tuple[EvalRun, Job]:
        """Add a run and its job in a transaction of the caller, who has checked its rights; Conflict as in `start`."""
        run = await self._new(tx, scope, corpus, ref, purpose)
        await _assert_none_waits(tx, scope, run)
        await tx.eval_runs.add(scope, run)
        return run, await tx.jobs.add(self._job(run))

    async def _new(
        self, tx: Transaction, scope: AccessScope, corpus: Corpus, ref: str | None, purpose: RunPurpose
    ) -> EvalRun:
        questions = await tx.golden.all(scope, corpus.id, states=COUNTING)
        if not questions:
            raise Conflict(
                f"{corpus.name} has no accepted golden questions to ask. Add some on its page of golden questions, or "
                "accept those that are proposed there."
            )
        if ref is None and not corpus.published:
            raise Conflict(f"Nothing of {corpus.name} is published yet, so there is nothing to ask.")
        number = None if ref is None else (await pinned_version(tx, scope, corpus, ref)).number
        return new_run(
            corpus.tenant_id,
            corpus.id,
            questions,
            number=number,
            draft_id=await draft_under(tx, scope, corpus.id, number),
            purpose=purpose,
            now=self._clock(),
        )

    def _job(self, run: EvalRun) -> Job:
        is_watched = run.purpose is RunPurpose.BY_HAND
        return new_job(
            run.tenant_id,
            JobKind.RUN_SUITE,
            run.id,
            now=run.created_at,
            corpus_id=run.corpus_id,
            priority=Priority.BULK if is_watched else Priority.BACKGROUND,
        )


async def _agreements(tx: Transaction, scope: AccessScope, corpus_id: CorpusId) -> Sequence[EvalRun]:
    newest = PageRequest(limit=_LOOKED_AT)
    return (await tx.eval_runs.page(scope, corpus_id=corpus_id, suite=AGREEMENT_SUITE, page=newest)).items


async def _newest_first(tx: Transaction, scope: AccessScope, corpus: Corpus, suite: str) -> AsyncIterator[EvalRun]:
    page = PageRequest(limit=MAX_LIMIT)
    while True:
        found = await tx.eval_runs.page(scope, corpus_id=corpus.id, suite=suite, page=page)
        for run in found.items:
            yield run
        if not found.has_more:
            return
        page = replace(page, after=found.items[-1].id)


async def draft_under(tx: Transaction, scope: AccessScope, corpus_id: CorpusId, number: int | None) -> DraftId | None:
    """Return the draft that is sealed under a number now, None for what is published."""
    draft = None if number is None else await tx.drafts.in_slot(scope, corpus_id)
    return draft.id if draft is not None and draft.number == number else None


async def _assert_none_waits(tx: Transaction, scope: AccessScope, run: EvalRun) -> None:
    newest = PageRequest(limit=_LOOKED_AT)
    page = await tx.eval_runs.page(scope, corpus_id=run.corpus_id, suite=run.suite, page=newest)
    for other in page.items:
        if other.state is not EvalRunState.QUEUED or other.number != run.number:
            continue
        if any(job.state in OPEN_STATES for job in await tx.jobs.of_subject(scope, other.id)):
            raise Conflict(f"Run {other.id} of the same version waits to begin.")


def _require_eval(scope: AccessScope, run_id: EvalRunId) -> None:
    require(scope, Permission.EVAL, kind="evaluation run", ref=run_id)
