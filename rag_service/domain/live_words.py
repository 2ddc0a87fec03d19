"""What has drifted, in words. Pure."""

from rag_service.domain.live import ABSTENTION, QUESTIONS, RETRIEVAL, SUPPORT, Drift
from rag_service.domain.metric_names import COST, FAITHFULNESS, LATENCY, RELEVANCE, TOKENS

_SUBJECTS = {
    QUESTIONS: "The closeness of questions to the usual ones",
    RETRIEVAL: "The similarity of the best passage found",
    SUPPORT: "The support of answers by their quotes",
    FAITHFULNESS: "Faithfulness",
    RELEVANCE: "The relevance of answers",
    ABSTENTION: "The share of abstentions",
    LATENCY: "The time an answer takes, in ms,",
    TOKENS: "The number of tokens of an answer",
    COST: "The cost of an answer",
}
_WHOLE = frozenset({LATENCY, TOKENS})


def told(drift: Drift) -> str:
    """Return one sentence that says how a measure compares with the days before."""
    subject = _SUBJECTS.get(drift.measure, drift.measure)
    sides = f"{drift.current_count} answers beside {drift.reference_count}"
    if drift.reference is None or drift.current is None:
        return f"{subject} could not be compared: {sides} are too few."
    if not drift.has_drifted:
        return f"{subject} is as before: {_written(drift, drift.current)} ({sides})."
    before, now = _written(drift, drift.reference), _written(drift, drift.current)
    how = "is spread otherwise around" if before == now else ("rose" if drift.current > drift.reference else "fell")
    change = f"{how} {now}" if before == now else f"{how} from {before} to {now}"
    return f"{subject} {change} ({sides}; PSI {drift.psi:.2f})."


def _written(drift: Drift, value: float) -> str:
    if drift.measure == ABSTENTION:
        return f"{value:.0%}"
    if drift.measure == COST:
        return f"{value:.2g}"
    return f"{value:,.0f}" if drift.measure in _WHOLE else f"{value:.2f}"
