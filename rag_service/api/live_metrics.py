"""How the answers that people get compare with the days before, in Prometheus's format. Other processes measure."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rag_service.domain.live import ABSTENTION, QUESTIONS, RETRIEVAL, SUPPORT, Drift
from rag_service.domain.metric_names import COST, FAITHFULNESS, LATENCY, RELEVANCE, TOKENS
from rag_service.errors import DependencyUnavailable
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

PATIENCE_S = 2.0
"""How long the catalog may take: as for the metrics of evaluations, which are read before these."""

_OF_MEASURE = ("corpus", "measure")

_log = structlog.get_logger()


async def live_metrics(live_answers: ReadLiveAnswers) -> bytes:
    """Return the state in the text format; nothing while the catalog is away or slow: an old state would be wrong."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            watched = await live_answers.of_all()
    except (DependencyUnavailable, TimeoutError) as exc:
        _log.warning("live_metrics_left_out", reason=str(exc) or f"The catalog took longer than {PATIENCE_S} s.")
        return b""
    return live_exposition(watched)


def live_exposition(watched: Sequence[WatchedAnswers]) -> bytes:
    """Return a state in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Shown(watched))
    return generate_latest(registry)


class _Shown(Collector):
    def __init__(self, watched: Sequence[WatchedAnswers]) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        """Return each metric with all of its values."""
        scored = GaugeMetricFamily(
            "rag_live_scored_answers", "Answers of the last 24 hours that were scored", labels=("corpus",)
        )
        score = GaugeMetricFamily(
            "rag_live_score", "Mean of a score over the answers of the last 24 hours", labels=_OF_MEASURE
        )
        for one in self._watched:
            scored.add_metric((one.corpus_id,), float(one.scored))
            for name in SHOWN.keys() & one.means.keys():
                score.add_metric((one.corpus_id, SHOWN[name]), one.means[name].value)
        yield from (scored, score)
        drifts = [drift for one in self._watched for drift in one.newest]
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
