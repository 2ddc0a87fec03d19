"""What the searches of this process did without, and what they did not have to do again, in Prometheus's format."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from rag_service.api.catalog_metrics import exposition
from rag_service.domain.degradation import Degradation
from rag_service.telemetry.search_counts import CacheResult, SearchCounts

_CACHES = ("query_vectors", "candidates", "frequencies", "feedback")


def search_metrics(counts: SearchCounts) -> bytes:
    """Return the counts in the text format."""
    return exposition(metrics_of(counts))


def metrics_of(counts: SearchCounts) -> Iterator[Metric]:
    """Return each metric with all of its values: also those that are 0, which an alert must see grow."""
    degraded = CounterMetricFamily(
        "rag_search_degraded", "Searches that did without a part of the service", labels=("reason",)
    )
    for reason in Degradation:
        degraded.add_metric((reason.value,), counts.degraded[reason])
    yield degraded
    cached = CounterMetricFamily(
        "rag_search_cache", "Looks into what was computed for earlier searches", labels=("cache", "result")
    )
    for cache in _CACHES:
        for result in CacheResult:
            cached.add_metric((cache, result.value), counts.cached[cache, result])
    yield cached
