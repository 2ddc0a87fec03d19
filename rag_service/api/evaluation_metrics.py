"""How evaluations stand, in Prometheus's format. They are read from the catalog: other processes measure."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from rag_service.api.catalog_metrics import catalog_metrics
from rag_service.domain.evaluations import Figure
from rag_service.domain.metric_names import CITATION_RECALL, FAITHFULNESS, RELEVANCE
from rag_service.use_cases.watch_evaluations import EvaluationState, MeasuredSuite, WatchEvaluations

SHOWN: Mapping[str, str] = {
    FAITHFULNESS: "faithfulness",
    RELEVANCE: "relevance",
    CITATION_RECALL: "citation_recall",
}
"""The figures that are shown, by name, as the label `metric` calls them."""

_OF_SUITE = ("corpus", "suite")
_OF_FIGURE = (*_OF_SUITE, "metric")


async def evaluation_metrics(watch: WatchEvaluations) -> bytes:
    """Return the state in the text format."""
    return await catalog_metrics("evaluations", watch(), metrics_of)


def metrics_of(state: EvaluationState) -> Iterator[Metric]:
    """Return each metric with all of its values."""
    figures = [(suite, figure) for suite in state.suites for figure in _figures(suite)]
    yield _gauge(
        "age_seconds",
        "Time since a watched corpus was measured, or since its first golden question when it never was",
        _OF_SUITE,
        [(_place(suite), suite.age_s) for suite in state.suites],
    )
    yield _gauge(
        "score",
        "Mean of a metric in the newest run",
        _OF_FIGURE,
        [((*_place(suite), SHOWN[figure.name]), figure.value) for suite, figure in figures],
    )
    yield _gauge(
        "coverage_ratio",
        "Share of the questions of which that metric could be taken",
        _OF_FIGURE,
        [((*_place(suite), SHOWN[figure.name]), figure.measured / max(figure.total, 1)) for suite, figure in figures],
    )
    yield _gauge(
        "judge_failure_ratio",
        "Share of the scores that the judge did not give in the newest run, of the metric with the least",
        _OF_SUITE,
        [(_place(suite), suite.judge_failures) for suite in state.suites],
    )
    yield _gauge(
        "not_uploaded",
        "1 when the newest run did not reach the receiver that is configured, 0 otherwise",
        _OF_SUITE,
        [(_place(suite), float(suite.run.did_not_arrive)) for suite in state.suites if suite.run],
    )
    yield _gauge(
        "regressed_questions",
        "Golden questions that the newest publish of the automatic draft made worse",
        ("corpus",),
        [((corpus,), float(count)) for corpus, count in state.regressed.items()],
    )
    yield _gauge(
        "blocked_drafts",
        "Drafts that their gate keeps from being published",
        ("corpus",),
        [((corpus,), float(count)) for corpus, count in state.blocked.items()],
    )
    yield _gauge(
        "jobs_left_alone",
        "Jobs of evaluation workers that are due and that nobody takes",
        ("kind",),
        [((kind.value,), float(count)) for kind, count in state.left_alone.items()],
    )


def _gauge(
    name: str, documentation: str, labels: Sequence[str], values: Sequence[tuple[Sequence[str], float | None]]
) -> Metric:
    gauge = GaugeMetricFamily(f"rag_evaluation_{name}", documentation, labels=labels)
    for place, value in values:
        if value is not None:
            gauge.add_metric(place, value)
    return gauge


def _place(suite: MeasuredSuite) -> tuple[str, str]:
    return suite.corpus_id, suite.suite


def _figures(suite: MeasuredSuite) -> list[Figure]:
    return [figure for figure in suite.run.figures if figure.name in SHOWN] if suite.run else []
