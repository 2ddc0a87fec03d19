"""How second looks at passages ended, in Prometheus's format."""

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily

from rag_service.api.catalog_metrics import exposition
from rag_service.use_cases.searching.rerank import Reranking


def rerank_metrics(ended: Mapping[Reranking, int]) -> bytes:
    """Return the counts of this process in the text format."""
    looks = CounterMetricFamily("rag_rerankings", "Second looks at passages, by how they ended", labels=("outcome",))
    for outcome, count in ended.items():
        looks.add_metric((outcome.value,), count)
    return exposition([looks])
