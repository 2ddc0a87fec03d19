"""Measures search: the service's own, with the service's own settings, beside the systems it is made of."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from eval.bootstrap import Evaluation
from eval.datasets.cases import Query
from eval.loading import Tell
from eval.metrics import ranking
from eval.metrics.scores import Score, mean_of, missing
from eval.provenance import DENSE_WEIGHT
from eval.systems import PARTS, SECOND_LOOK, SYSTEMS
from rag_service.api.run_report import SERVED, Section
from rag_service.domain.answers import Passage
from rag_service.domain.evaluations import Figure
from rag_service.domain.rows import ROW_ENDING
from rag_service.use_cases.searching.options import SearchOptions

NDCG = "nDCG@10"
OVER_PARTS = "nDCG@10 over its better part"

_EVERY = 100
_SHOWN = 10

Rankings = Mapping[str, Sequence[str]]
"""The documents found, best first, by query id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the default has to reach: an nDCG@10, and how far above its better part it has to be; None: anything."""

    ndcg: float | None = None
    over_parts: float | None = None


async def measure_search(
    evaluation: Evaluation, corpus: str, queries: Sequence[Query], *, passages: int, reach: Reach, tell: Tell
) -> Section:
    """Return the figures of every system over `corpus`: one search per query finds what all of them rank."""
    search, rerank, scope = evaluation.container.search, evaluation.container.rerank, evaluation.scope
    pinned = await search.pin(scope, corpus)
    systems = (*SYSTEMS, SECOND_LOOK) if rerank else tuple(SYSTEMS)
    rankings: dict[str, dict[str, list[str]]] = {system: {} for system in systems}
    looks: Counter[str] = Counter()
    options = SearchOptions(limit=passages, all_candidates=True)
    for count, query in enumerate(queries, start=1):
        found = await search.at(scope, pinned, query.text, options)
        for system, rank in SYSTEMS.items():
            rankings[system][query.id] = _documents(rank(found.passages)[:passages])
        if rerank:
            again = await rerank(query.text, found.passages, limit=passages)
            rankings[SECOND_LOOK][query.id] = _documents(again.passages)
            looks[again.outcome] += 1
        if count % _EVERY == 0:
            tell(f"{corpus}: {count} of {len(queries)} queries")
    section = section_of(f"{corpus}@{pinned.number}", queries, rankings, reach=reach)
    learned = pinned.corpus.dense_weight
    own = {} if learned is None else {DENSE_WEIGHT: str(learned)}
    return replace(section, notes=_notes_on(looks), made_with=own)


def section_of(name: str, queries: Sequence[Query], rankings: Mapping[str, Rankings], *, reach: Reach) -> Section:
    """Return the figures of the default, and those of the other systems; each has a ranking for each query."""
    own, others = rankings[SERVED], {system: found for system, found in rankings.items() if system != SERVED}
    return Section(
        name=name,
        metrics=[*_figures(queries, own, target=reach.ndcg), _over_parts(queries, rankings, target=reach.over_parts)],
        systems={system: _figures(queries, found) for system, found in others.items()},
        evidence=[_evidence(query, rankings) for query in queries],
    )


def document_of(passage: Passage) -> str:
    """Return the key of the passage's document."""
    key = passage.attributes.get("document_key")
    return key if isinstance(key, str) else passage.filename.removesuffix(ROW_ENDING)


def _notes_on(looks: Mapping[str, int]) -> list[str]:
    """Say how second looks ended: one that was late or skipped leaves the order that was found."""
    ended = ", ".join(f"{count} {outcome}" for outcome, count in sorted(looks.items()))
    return [f"Second looks: {ended}."] if ended else []


def _documents(passages: Iterable[Passage]) -> list[str]:
    return ranking.documents_of(document_of(passage) for passage in passages)


def _figures(queries: Sequence[Query], rankings: Rankings, *, target: float | None = None) -> list[Figure]:
    pairs = [(rankings[query.id], query.grades) for query in queries]
    return [
        mean_of(NDCG, [ranking.ndcg_at(found, grades, 10) for found, grades in pairs], target=target),
        mean_of("recall@10", [ranking.recall_at(found, grades, 10) for found, grades in pairs]),
        mean_of("recall@100", [ranking.recall_at(found, grades, 100) for found, grades in pairs]),
        mean_of("MRR@10", [ranking.reciprocal_rank_at(found, grades, 10) for found, grades in pairs]),
    ]


def _over_parts(queries: Sequence[Query], rankings: Mapping[str, Rankings], *, target: float | None) -> Figure:
    """Return how much better the default is, query by query, than the part that is better over all of them."""
    scores = {
        system: [ranking.ndcg_at(rankings[system][query.id], query.grades, 10) for query in queries]
        for system in (SERVED, *PARTS)
    }
    better = max(PARTS, key=lambda part: sum(score.value or 0.0 for score in scores[part]))
    pairs = zip(scores[SERVED], scores[better], strict=True)
    return mean_of(OVER_PARTS, [_difference(own, part) for own, part in pairs], target=target)


def _difference(own: Score, part: Score) -> Score:
    if own.value is None or part.value is None:
        return missing(own.reason or part.reason)
    return Score(own.value - part.value)


def _evidence(query: Query, rankings: Mapping[str, Rankings]) -> dict[str, object]:
    found = {system: rankings[system][query.id] for system in rankings}
    return {
        "id": query.id,
        "query": query.text,
        NDCG: {system: ranking.ndcg_at(documents, query.grades, 10).value for system, documents in found.items()},
        "gold": dict(query.grades),
        "found": list(found[SERVED][:_SHOWN]),
    }
