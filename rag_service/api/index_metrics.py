"""How healthy indexes are, in Prometheus's format. They are read from the catalog: workers measure."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from rag_service.api.catalog_metrics import catalog_metrics
from rag_service.use_cases.indexes.read_health import ReadIndexHealth, WatchedIndex

_OF_CORPUS = ("corpus",)
_OF_CALLER = ("corpus", "sees")

_GAUGES: Mapping[str, tuple[str, Callable[[WatchedIndex], float | None]]] = {
    "recall_under_floor": (
        "1 when the newest check found less than RAG_RETRIEVAL__RECALL_FLOOR asks for, 0 otherwise",
        lambda one: None if one.is_under_floor is None else float(one.is_under_floor),
    ),
    "check_age_seconds": (
        "Time since the newest check, or since the corpus was made when there was none",
        lambda one: one.age_s,
    ),
    "points_expected": (
        "Points that the newest check expected in the index",
        lambda one: float(one.check.found.points_expected) if one.check.found else None,
    ),
    "points_missing": (
        "Points that the newest check did not find in the index",
        lambda one: float(one.check.found.points_missing) if one.check.found else None,
    ),
    "points_differing": (
        "Points that the reconciler found different from the catalog and could not mend",
        lambda one: None if one.points_differing is None else float(one.points_differing),
    ),
    "optimise_failing": (
        "1 when the last try to build the search structures failed, 0 otherwise",
        lambda one: float(one.is_troubled),
    ),
}
"""By name: what it says of a corpus, and where its value is; None where nothing is known."""


async def index_metrics(health: ReadIndexHealth) -> bytes:
    """Return the state in the text format."""
    return await catalog_metrics("indexes", health.of_all(), metrics_of)


def metrics_of(watched: Sequence[WatchedIndex]) -> Iterator[Metric]:
    """Return each metric with all of its values."""
    yield _recall(watched)
    for name, (documentation, value_of) in _GAUGES.items():
        yield _gauge(name, documentation, watched, value_of)


def _recall(watched: Sequence[WatchedIndex]) -> Metric:
    gauge = GaugeMetricFamily(
        "rag_index_recall", "Mean recall of the ten best, of a caller who sees all or some documents", labels=_OF_CALLER
    )
    for one in watched:
        found = one.check.found
        for sees, recall in (("all", found and found.recall), ("some", found and found.restricted)):
            if recall:
                gauge.add_metric((one.check.corpus_id, sees), recall.mean)
    return gauge


def _gauge(
    name: str, documentation: str, watched: Sequence[WatchedIndex], value_of: Callable[[WatchedIndex], float | None]
) -> Metric:
    gauge = GaugeMetricFamily(f"rag_index_{name}", documentation, labels=_OF_CORPUS)
    for one in watched:
        value = value_of(one)
        if value is not None:
            gauge.add_metric((one.check.corpus_id,), value)
    return gauge
