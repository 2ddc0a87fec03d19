"""Does the service say "the documents do not say" when, and only when, they do not?"""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.metrics.scores import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One question: whether it can be answered, and whether the service abstained."""

    answerable: bool
    abstained: bool


def abstention_metrics(decisions: Sequence[Decision]) -> list[Metric]:
    """Return precision, recall and F1 of abstaining, and the share of answerable questions refused."""
    abstained = sum(decision.abstained for decision in decisions)
    unanswerable = sum(not decision.answerable for decision in decisions)
    answerable = len(decisions) - unanswerable
    rightly = sum(decision.abstained and not decision.answerable for decision in decisions)
    return [
        _ratio("abstention precision", rightly, abstained, "the service never abstained"),
        _ratio("abstention recall", rightly, unanswerable, "no question is unanswerable"),
        _ratio("abstention F1", 2 * rightly, abstained + unanswerable, "nothing to abstain from"),
        _ratio("false abstention rate", abstained - rightly, answerable, "no question is answerable"),
    ]


def _ratio(name: str, part: int, whole: int, reason: str) -> Metric:
    if not whole:
        return Metric(name=name, value=None, measured=0, total=0, missing={reason: 1})
    return Metric(name=name, value=part / whole, measured=whole, total=whole)
