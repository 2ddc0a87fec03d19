"""How the answers that people get compare with the days before, in Prometheus's format. Other processes measure."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from rag_service.api.catalog_metrics import catalog_metrics
from rag_service.domain.live import ABSTENTION, QUESTIONS, RETRIEVAL, SUPPORT, Drift
from rag_service.domain.metric_names import COST, FAITHFULNESS, LATENCY, RELEVANCE, TOKENS
from rag_service.use_cases.live_answers import ReadLiveAnswers, WatchedAnswers

SHOWN: Mapping[str, str] = {
    QUESTIONS: "questions",
    RETRIEVAL: "retrieval_similarity",
    SUPPORT: "support",
    FAITHFULNESS: "faithfulness",
    RELEVANCE: "relevance",
    ABSTENTION: "abstention",
    LATENCY: "latency_ms",
    TOKENS: "tokens",
    COST: "cost",
}
"""What is watched, by name, as the label `measure` calls it."""

_OF_MEASURE = ("corpus", "measure")


async def live_metrics(live_answers: ReadLiveAnswers) -> bytes:
    """Return the state in the text format."""
    return await catalog_metrics("live answers", live_answers.of_all(), metrics_of)


def metrics_of(watched: Sequence[WatchedAnswers]) -> Iterator[Metric]:
    """Return each metric with all of its values."""
    scored = GaugeMetricFamily(
        "rag_live_scored_answers", "Answers of the last 24 hours that were scored", labels=("corpus",)
    )
    score = GaugeMetricFamily(
        "rag_live_score", "Mean of a score over the answers of the last 24 hours", labels=_OF_MEASURE
    )
    for one in watched:
        scored.add_metric((one.corpus_id,), float(one.scored))
        for name in SHOWN.keys() & one.means.keys():
            score.add_metric((one.corpus_id, SHOWN[name]), one.means[name].value)
    yield from (scored, score)
    drifts = [drift for one in watched for drift in one.newest]
    yield _of_drifts("psi", "Population stability index of the newest window", drifts, lambda one: one.psi)
    yield _of_drifts("drifted", "1 when the newest window has drifted, 0 when not", drifts, _verdict)


def _verdict(drift: Drift) -> float | None:
    return None if drift.psi is None else float(drift.has_drifted)


def _of_drifts(
    name: str, documentation: str, drifts: Sequence[Drift], value_of: Callable[[Drift], float | None]
) -> Metric:
    gauge = GaugeMetricFamily(f"rag_live_{name}", documentation, labels=_OF_MEASURE)
    for drift in drifts:
        if drift.measure in SHOWN and (value := value_of(drift)) is not None:
            gauge.add_metric((drift.corpus_id, SHOWN[drift.measure]), value)
    return gauge
