"""Does the service say "the documents do not say" when, and only when, they do not?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.metrics.scores import Score, mean_of, missing, unmeasurable
from rag_service.domain.evaluations import Figure
from rag_service.domain.metric_names import ABSTENTION_F1, ABSTENTION_PRECISION, ABSTENTION_RECALL, FALSE_ABSTENTION

_NO_TARGETS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One question: whether it can be answered, and whether the service abstained.

    `failure` says why it could not be asked; then nothing was decided.
    """

    answerable: bool
    abstained: bool
    failure: str = ""


def abstention_metrics(decisions: Sequence[Decision], targets: Mapping[str, float] = _NO_TARGETS) -> list[Figure]:
    """Return precision, recall and F1 of abstaining, and the share of answerable questions refused.

    A question that could not be asked is missing from the recall of its kind.
    """
    unanswerable = [decision for decision in decisions if not decision.answerable]
    answerable = [decision for decision in decisions if decision.answerable]
    right = [Score(float(not decision.answerable)) for decision in decisions if decision.abstained]
    return [
        _share(ABSTENTION_PRECISION, right, "the service never abstained", targets),
        _share(ABSTENTION_RECALL, _refusals(unanswerable), "no question is unanswerable", targets),
        _f1(right, unanswerable, targets),
        _share(FALSE_ABSTENTION, _refusals(answerable), "no question is answerable", targets),
    ]


def _refusals(decisions: Sequence[Decision]) -> list[Score]:
    return [missing(one.failure) if one.failure else Score(float(one.abstained)) for one in decisions]


def _share(name: str, scores: Sequence[Score], absence: str, targets: Mapping[str, float]) -> Figure:
    target = targets.get(name)
    return mean_of(name, scores, target=target) if scores else unmeasurable(name, absence, target=target)


def _f1(right: Sequence[Score], unanswerable: Sequence[Decision], targets: Mapping[str, float]) -> Figure:
    """2 × rightly refused / (refused + unanswerable): no mean over cases, so it has no bounds."""
    target = targets.get(ABSTENTION_F1)
    asked = sum(not decision.failure for decision in unanswerable)
    whole = len(right) + asked
    if not whole:
        return unmeasurable(ABSTENTION_F1, "nothing to abstain from", target=target)
    value = 2 * sum(score.value or 0.0 for score in right) / whole
    return Figure(name=ABSTENTION_F1, value=value, measured=whole, total=whole, target=target)
