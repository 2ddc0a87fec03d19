"""How far those who score answers agree with people, as it is said beside their scores. Pure.

It is measured by runs of a suite of its own, over the corpus whose answers people labelled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rag_service.domain.evaluations import EvalRun, EvalRunState, Figure
from rag_service.domain.metric_names import FAITHFULNESS, RAGAS_PREFIX

AGREEMENT_SUITE: Final = "agreement"
JUDGE_KAPPA: Final = "Cohen's kappa (judge)"
VERIFIER_KAPPA: Final = "Cohen's kappa (verifier)"

_VERIFIED_WITH = ("verifier", "own embedder", "support threshold")


def with_agreement(run: EvalRun, measured: Sequence[EvalRun]) -> EvalRun:
    """Return a run that notes how far its judge and the verifier agree with people, or that nobody measured it.

    `measured` are runs of the suite that does, over the same corpus, the newest first.
    """
    if run.suite == AGREEMENT_SUITE:
        return run
    ended = [one for one in measured if one.state is EvalRunState.FINISHED]
    names, told = [figure.name for figure in run.figures], []
    if run.judge and any(name.startswith(RAGAS_PREFIX) for name in names):
        told.append(_told("judge", JUDGE_KAPPA, (one for one in ended if one.judge == run.judge)))
    if FAITHFULNESS in names:
        told.append(_told("verifier", VERIFIER_KAPPA, (one for one in ended if _verifier(one) == _verifier(run))))
    return replace(run, notes=(*run.notes, *told))


def _told(who: str, name: str, measured: Iterable[EvalRun]) -> str:
    found = ((one, figure) for one in measured for figure in one.figures if figure.name == name)
    newest = next(found, None)
    if newest is None:
        return f"How far the {who} agrees with people is not measured: `rag eval agreement` does that."
    run, kappa = newest
    when = f"{run.created_at:%Y-%m-%d}"
    return f"How far the {who} agrees with people on faithfulness: {_kappa(kappa)} ({when}, {run.id})."


def _kappa(kappa: Figure) -> str:
    coverage = f"{kappa.measured} of {kappa.total} labelled answers"
    if kappa.value is None:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in kappa.missing.items())
        return f"it could not be measured, {coverage} ({reasons})"
    bounds = "" if kappa.low is None or kappa.high is None else f" ({kappa.low:.2f} to {kappa.high:.2f})"
    return f"Cohen's kappa {kappa.value:.2f}{bounds}, {coverage}"


def _verifier(run: EvalRun) -> Mapping[str, str | None]:
    return {name: run.made_with.get(name) for name in _VERIFIED_WITH}
