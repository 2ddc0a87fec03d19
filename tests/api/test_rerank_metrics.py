"""/metrics tells how second looks at passages ended."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from rag_service.api.rerank_metrics import rerank_metrics
from rag_service.use_cases.searching.rerank import Reranking


def test_every_way_of_ending_is_counted() -> None:
    ended = {Reranking.DONE: 3, Reranking.SKIPPED: 2, Reranking.LATE: 1, Reranking.FAILED: 0}

    [family] = text_string_to_metric_families(rerank_metrics(ended).decode())

    shown = {sample.labels["outcome"]: sample.value for sample in family.samples}
    assert (family.name, shown) == ("rag_rerankings", {"done": 3, "skipped": 2, "late": 1, "failed": 0})


async def test_a_service_that_reranks_tells_it(client: httpx.AsyncClient) -> None:
    families = {family.name for family in text_string_to_metric_families((await client.get("/metrics")).text)}

    assert "rag_rerankings" in families
