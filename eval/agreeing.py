"""How far the judge and the verifier agree with people about which answers are faithful; kept as a run of the corpus."""

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from eval.bootstrap import Evaluation
from eval.judging import open_checker, open_ragas
from eval.label_sets import BALANCED_ACCURACY, LabelledItem, verified
from eval.loading import Tell
from eval.metrics.agreement import agreement_figure, balanced_accuracy, cohen_kappa
from eval.metrics.judge_free import NO_SENTENCE
from eval.metrics.ragas import Judge, Ragas, Sample, ragas_versions
from eval.metrics.scores import Score, missing
from eval.provenance import made_with
from rag_service.api.run_report import Section
from rag_service.domain.access import Permission
from rag_service.domain.agreements import AGREEMENT_SUITE, JUDGE_KAPPA, VERIFIER_KAPPA
from rag_service.domain.evaluations import EvalRun, EvalRunState, Figure, RunPurpose, new_run
from rag_service.domain.versions import PinnedVersion
from rag_service.use_cases.permissions import require

_FAITHFULNESS = "faithfulness"
_ALL = 1 - 1e-9
"""A judge finds an answer supported when it finds all of its statements in the context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What people, the verifier and the judge say of an answer: 1 for supported, 0 for not. `judge` None: there is none."""

    item: LabelledItem
    verifier: Score
    judge: Score | None


class MeasureAgreement:
    """Has labelled answers judged, and keeps how far that agrees with the labels; their words are not kept."""

    def __init__(self, evaluation: Evaluation, *, judge: Judge | None) -> None:
        self._container = evaluation.container
        self._scope = evaluation.scope
        self._judge = judge

    async def __call__(self, corpus: str, items: Sequence[LabelledItem], *, source: str, tell: Tell) -> Section:
        """Return what was found. `source` names where the labels came from.

        Raises:
            NotFound: no such corpus, or the caller may not evaluate or ask it.
        """
        require(self._scope, Permission.EVAL, kind="corpus", ref=corpus)
        pinned = await self._container.search.pin(self._scope, corpus)
        verdicts = await self._verdicts(items, tell)
        run = self._ended(pinned, items, figures_of(verdicts), source)
        async with self._container.catalog.writing() as tx:
            await tx.eval_runs.add(self._scope, run)
        return Section(
            name=corpus,
            metrics=list(run.figures),
            evidence=[_row(one, run.judge) for one in verdicts],
            notes=[f"Kept as {run.id}.", *run.notes],
            made_with=run.made_with,
        )

    async def _verdicts(self, items: Sequence[LabelledItem], tell: Tell) -> list[Verdicts]:
        checker, threshold = open_checker(self._container), self._container.settings.verification.support_threshold
        found = []
        async with aclosing(open_ragas(self._container, self._judge, [_FAITHFULNESS])) as ragas:
            for count, item in enumerate(items, start=1):
                support = (await verified(checker, item)).score
                verifier = missing(NO_SENTENCE) if support is None else Score(float(support >= threshold))
                judge = await _judged(ragas, item) if self._judge else None
                found.append(Verdicts(item=item, verifier=verifier, judge=judge))
                tell(f"{count} of {len(items)} answers")
        return found

    def _ended(
        self, pinned: PinnedVersion, items: Sequence[LabelledItem], figures: Sequence[Figure], source: str
    ) -> EvalRun:
        now = self._container.clock()
        run = new_run(
            pinned.corpus.tenant_id,
            pinned.corpus.id,
            items,
            number=pinned.number or None,
            draft_id=None,
            suite=AGREEMENT_SUITE,
            purpose=RunPurpose.BY_HAND,
            now=now,
        )
        return replace(
            run,
            state=EvalRunState.FINISHED,
            made_with=made_with(self._container, self._container.build, corpus=pinned.corpus) | ragas_versions(),
            judge=self._judge.identity if self._judge else None,
            done=len(items),
            figures=tuple(figures),
            notes=(f"Labels: {source}.",),
            finished_at=now,
        )


def figures_of(verdicts: Sequence[Verdicts]) -> list[Figure]:
    """Return how far each side agrees with people; those of a judge only where there is one."""
    found = _figures("verifier", VERIFIER_KAPPA, [(one.item.supported, one.verifier) for one in verdicts])
    judged = [(one.item.supported, one.judge) for one in verdicts if one.judge is not None]
    return [*(_figures("judge", JUDGE_KAPPA, judged) if judged else []), *found]


def _figures(who: str, kappa: str, given: Sequence[tuple[bool, Score]]) -> list[Figure]:
    taken = [(label, score.value == 1) for label, score in given if score.value is not None]
    labels, verdicts = [label for label, _ in taken], [verdict for _, verdict in taken]
    found = [
        agreement_figure(kappa, cohen_kappa, labels, verdicts),
        agreement_figure(f"{BALANCED_ACCURACY} ({who})", balanced_accuracy, labels, verdicts),
    ]
    lacking = Counter(score.reason for _, score in given if score.value is None)
    return [replace(one, total=len(given), missing=dict(Counter(one.missing) + lacking)) for one in found]


async def _judged(ragas: Ragas, item: LabelledItem) -> Score:
    sample = Sample(
        user_input=item.question,
        response=item.response,
        reference="",
        retrieved_contexts=tuple(text for text, _ in item.passages),
        reference_contexts=(),
    )
    score = (await ragas.scores(sample))[_FAITHFULNESS]
    return score if score.value is None else Score(float(score.value >= _ALL))


def _row(one: Verdicts, judge: str | None) -> dict[str, object]:
    scores = {"verifier": one.verifier} | ({} if one.judge is None else {"judge": one.judge})
    return {
        "id": one.item.id,
        "question": one.item.question,
        "answer": one.item.response,
        "supported, people": one.item.supported,
        "scores": {name: score.value for name, score in scores.items()},
        "missing": {name: score.reason for name, score in scores.items() if score.value is None},
        "judge": judge,
    }
