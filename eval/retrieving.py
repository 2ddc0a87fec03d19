"""Measures search: the service's own, with the service's own settings."""

from collections.abc import Mapping, Sequence

from eval.bootstrap import Evaluation
from eval.datasets.cases import Query
from eval.loading import Tell
from eval.metrics import ranking
from eval.metrics.scores import mean_of
from rag_service.api.run_report import Section
from rag_service.domain.answers import Passage
from rag_service.domain.rows import ROW_ENDING
from rag_service.use_cases.searching.options import SearchOptions

_EVERY = 100
_SHOWN = 10


async def measure_search(
    evaluation: Evaluation, corpus: str, queries: Sequence[Query], *, passages: int, target: float | None, tell: Tell
) -> Section:
    """Return nDCG@10, recall@10, recall@100 and MRR@10 of `queries` over `corpus`."""
    search, scope = evaluation.container.search, evaluation.scope
    pinned = await search.pin(scope, corpus)
    rankings: dict[str, list[str]] = {}
    for count, query in enumerate(queries, start=1):
        found = await search.at(scope, pinned, query.text, SearchOptions(limit=passages))
        rankings[query.id] = ranking.documents_of(document_of(passage) for passage in found.passages)
        if count % _EVERY == 0:
            tell(f"{corpus}: {count} of {len(queries)} queries")
    return section_of(f"{corpus}@{pinned.number}", queries, rankings, target=target)


def section_of(
    name: str, queries: Sequence[Query], rankings: Mapping[str, Sequence[str]], *, target: float | None
) -> Section:
    """Return the figures of `rankings`, which has one for each query."""
    pairs = [(rankings[query.id], query.grades) for query in queries]
    metrics = [
        mean_of("nDCG@10", [ranking.ndcg_at(found, grades, 10) for found, grades in pairs], target=target),
        mean_of("recall@10", [ranking.recall_at(found, grades, 10) for found, grades in pairs]),
        mean_of("recall@100", [ranking.recall_at(found, grades, 100) for found, grades in pairs]),
        mean_of("MRR@10", [ranking.reciprocal_rank_at(found, grades, 10) for found, grades in pairs]),
    ]
    return Section(name=name, metrics=metrics, evidence=[_evidence(query, rankings[query.id]) for query in queries])


def document_of(passage: Passage) -> str:
    """Return the key of the passage's document."""
    key = passage.attributes.get("document_key")
    return key if isinstance(key, str) else passage.filename.removesuffix(ROW_ENDING)


def _evidence(query: Query, found: Sequence[str]) -> dict[str, object]:
    return {
        "id": query.id,
        "query": query.text,
        "nDCG@10": ranking.ndcg_at(found, query.grades, 10).value,
        "gold": dict(query.grades),
        "found": list(found[:_SHOWN]),
    }
