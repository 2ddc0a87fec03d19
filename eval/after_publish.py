"""What the automatic draft published is measured when it is live already, and compared with the version before."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from eval.regressions import made_otherwise, regression_of
from rag_service.domain.access import AccessScope
from rag_service.domain.comparisons import asked
from rag_service.domain.evaluation_watch import REGRESSED, WatchedCorpus
from rag_service.domain.evaluations import NOT_UPLOADED, OPEN_RUNS, CaseResult, EvalRun, Figure, RunPurpose
from rag_service.domain.metric_names import CURRENCY
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction

PAUSE = timedelta(minutes=10)
"""A corpus is measured no more often after its publishes, of which the newest counts."""

_SHARE = 10
"""Under continuous publishing a corpus is measured for at most one part in so many of the time."""

_NO_REASONS = frozenset({"build", "judge", "judged metrics", "ragas", "sacrebleu", "rouge-score", "price", CURRENCY})
"""What a run is made with that is told by other names, or decides no answer."""

_log = structlog.get_logger()


class AfterPublish:
    """Each version that the automatic draft published is measured once, unless a newer one comes before its turn."""

    purpose = RunPurpose.AFTER_PUBLISH

    def ref(self, corpus: WatchedCorpus) -> str:
        """Measure this version, whatever is published meanwhile."""
        return str(corpus.published)

    async def is_due(self, tx: Transaction, scope: AccessScope, corpus: WatchedCorpus, now: datetime) -> bool:
        """Say whether what is published was not measured yet, and the last run is over for long enough."""
        if not corpus.automatic:
            return False
        last_of = tx.evaluation_watch.last
        if await last_of(scope, corpus.corpus_id, self.purpose, number=corpus.published):
            return False
        # What a clock that was wrong dated into the future does not count: it would keep all that come before it out.
        last = await last_of(scope, corpus.corpus_id, self.purpose, before=now)
        return last is None or await _has_rested(tx, scope, last, now)


async def _has_rested(tx: Transaction, scope: AccessScope, last: EvalRun, now: datetime) -> bool:
    if last.state in OPEN_RUNS:
        return False
    return now - (last.finished_at or last.created_at) >= max(PAUSE, _SHARE * await _spent(tx, scope, last))


async def _spent(tx: Transaction, scope: AccessScope, run: EvalRun) -> timedelta:
    """Return how long the run took without the time that it waited for its turn."""
    for job in await tx.jobs.of_subject(scope, run.id):
        if job.started_at and job.finished_at:
            return job.finished_at - job.started_at
    return timedelta(0)


async def compared_with_before(tx: Transaction, scope: AccessScope, run: EvalRun) -> EvalRun:
    """Return the run with the number of questions that are worse off than in the version before, if one was measured."""
    base = await _base_of(tx, scope, run)
    if base is None:
        return run
    before, after = await tx.eval_runs.results(scope, base.id), await tx.eval_runs.results(scope, run.id)
    # Only their number is kept with the run, which people see who may not see each question.
    compared, regressed = regressed_cases(before, after)
    figure = Figure(name=REGRESSED, value=float(len(regressed)), measured=compared, total=len(after))
    note = (
        f"Compared with run {base.id} of version {base.number}: {len(regressed)} of {compared} questions are worse off."
    )
    others = tuple(one for one in run.figures if one.name != REGRESSED)
    reasons = _other_reasons(base, run) if regressed else []
    # What an earlier attempt said of the comparison goes.
    not_uploaded = (told for told in run.notes if told.startswith(NOT_UPLOADED))
    return replace(run, figures=(*others, figure), notes=(*not_uploaded, note, *reasons))


def _other_reasons(before: EvalRun, after: EvalRun) -> list[str]:
    """Say what else than the documents may be why: the settings may have been changed since the version before."""
    names = [name for name in {**before.made_with, **after.made_with} if name not in _NO_REASONS]
    differing = made_otherwise(before, after, names)
    return [f"It was made another way, which may be why: {differing}."] if differing else []


def regressed_cases(before: Sequence[CaseResult], after: Sequence[CaseResult]) -> tuple[int, list[str]]:
    """Return how many questions were asked of both, and the ids of those that lost something."""
    was, now = _evidence_of(before), _evidence_of(after)
    both = sorted(case_id for case_id in was.keys() & now.keys() if asked(was[case_id]) == asked(now[case_id]))
    return len(both), [case_id for case_id in both if regression_of(was[case_id], now[case_id])]


def _evidence_of(results: Sequence[CaseResult]) -> dict[str, Mapping[str, Any]]:
    return {result.case_id: result.evidence for result in results if not result.evidence["failure"]}


def tell_regressed(run: EvalRun) -> None:
    """Raise the alert when questions are worse off."""
    figure = next((figure for figure in run.figures if figure.name == REGRESSED), None)
    if figure is not None and figure.value:
        _log.error(
            "evaluation_regressed",
            corpus_id=run.corpus_id,
            number=run.number,
            run_id=run.id,
            questions=int(figure.value),
            compared=figure.measured,
        )


async def _base_of(tx: Transaction, scope: AccessScope, run: EvalRun) -> EvalRun | None:
    """Return the run of what this version replaced, or of the nearest before it that was measured."""
    with suppress(NotFound):
        version = await tx.versions.get(scope, run.corpus_id, run.number or 0)
        draft = await tx.drafts.get(scope, version.draft_id)
        return await tx.evaluation_watch.base(scope, run, upto=draft.sealed_against or 0)
    return None
