"""Hybrid search in one Qdrant Edge shard: both lists, then the true score of each hit on its missing side."""

from dataclasses import dataclass

import qdrant_edge as edge

from rag_service.domain.ids import ChunkId, PointId
from rag_service.ports.vector_index import Candidate
from rag_service.ports.vectors import QueryVectors
from rag_service.retrieval.edge_schema import CHUNK_ID, DENSE, SPARSE, EngineId, with_ids

_EF = 512  # recall@100 of ACORN is 0.98-0.997 with it, 0.68 at worst with the engine's default
_SPARE = 4  # hits past the cut, so that those that tie there seldom need a second look
_FIRST_TIED = 4
_MORE_TIED = 4
_MOST_TIED = 10_000
_EXACT = edge.SearchParams(exact=True)
_GRAPH = edge.SearchParams(hnsw_ef=_EF, acorn=edge.AcornSearchParams(enable=True))


@dataclass(frozen=True, slots=True)
class _Hit:
    point: EngineId
    chunk_id: ChunkId
    score: float


def search_shard(
    shard: edge.EdgeShard, query: QueryVectors, visible: edge.Filter, *, limit: int, exact_below: int
) -> list[Candidate]:
    """Return the best `limit` points of each side, by chunk id. Scans in full below `exact_below` matching points."""
    dense, sparse = _queries(query)
    params = _EXACT if _matches_fewer(shard, visible, exact_below) else _GRAPH
    first, second = _both_lists(shard, (dense, sparse), visible, limit=limit, params=params)
    if params is _GRAPH and len(first) < limit:
        # A filtered graph walk that ends early has lost its way; the estimate says that more match.
        first = _one_list(shard, dense, visible, limit=limit, params=_EXACT)
    return _scored_on_both_sides(shard, (dense, sparse), first, second)


def _matches_fewer(shard: edge.EdgeShard, visible: edge.Filter, bound: int) -> bool:
    # The estimate costs a fifth of a search; how many points there are at all is known.
    few = int(shard.info().points_count) < bound
    return few or int(shard.count(edge.CountRequest(exact=False, filter=visible))) < bound


def _queries(query: QueryVectors) -> tuple[edge.Query, edge.Query | None]:
    dense = edge.Query.Nearest(query.dense.tolist(), DENSE)
    if not query.sparse.indices.size:
        return dense, None
    terms = edge.SparseVector(query.sparse.indices.tolist(), query.sparse.values.tolist())
    return dense, edge.Query.Nearest(terms, SPARSE)


def _both_lists(
    shard: edge.EdgeShard,
    queries: tuple[edge.Query, edge.Query | None],
    visible: edge.Filter,
    *,
    limit: int,
    params: edge.SearchParams,
) -> tuple[list[_Hit], list[_Hit]]:
    asked = [query for query in queries if query is not None]
    requests = [_request(query, visible, limit=limit + _SPARE, params=params) for query in asked]
    lists = [_hits(found) for found in shard.query_batch(edge.QueryBatchRequest(requests))]
    cut = [
        hits[:limit] if _is_cut_clear(hits, limit) else _one_list(shard, query, visible, limit=limit, params=_EXACT)
        for query, hits in zip(asked, lists, strict=True)
    ]
    return cut[0], [hit for hit in cut[1] if hit.score > 0] if len(cut) > 1 else []


def _one_list(
    shard: edge.EdgeShard, query: edge.Query, visible: edge.Filter, *, limit: int, params: edge.SearchParams
) -> list[_Hit]:
    """Ask for more until the hits that tie with the last one wanted are all there, so that the chunk id decides."""
    asked = _FIRST_TIED * limit
    while True:
        hits = _hits(shard.query(_request(query, visible, limit=asked, params=params)))
        if _is_cut_clear(hits, limit) or asked > _MOST_TIED:
            return hits[:limit]
        if len(hits) < asked:
            return hits[:limit]
        asked *= _MORE_TIED


def _is_cut_clear(hits: list[_Hit], limit: int) -> bool:
    return len(hits) <= limit or hits[-1].score < hits[limit - 1].score


def _request(query: edge.Query, visible: edge.Filter, *, limit: int, params: edge.SearchParams) -> edge.QueryRequest:
    return edge.QueryRequest(limit, query=query, filter=visible, params=params, with_payload=[CHUNK_ID])


def _hits(found: list[edge.ScoredPoint]) -> list[_Hit]:
    hits = [_Hit(point.id, ChunkId((point.payload or {})[CHUNK_ID]), point.score) for point in found]
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))


def _scored_on_both_sides(
    shard: edge.EdgeShard, queries: tuple[edge.Query, edge.Query | None], first: list[_Hit], second: list[_Hit]
) -> list[Candidate]:
    dense = {hit.point: hit.score for hit in first}
    sparse = {hit.point: hit.score for hit in second}
    dense_missing = [point for point in sparse if point not in dense]
    sparse_missing = [point for point in dense if point not in sparse]
    dense_found, sparse_found = _missing_scores(shard, queries, dense_missing, sparse_missing)
    dense.update(dense_found)
    sparse.update(sparse_found)
    by_chunk = {hit.chunk_id: hit.point for hit in (*second, *first)}
    return [
        Candidate(
            point_id=PointId(str(point)),
            chunk_id=chunk_id,
            dense_score=max(-1.0, min(1.0, dense[point])),
            sparse_score=sparse.get(point, 0.0),  # the engine leaves out what shares no term
        )
        for chunk_id, point in sorted(by_chunk.items())
    ]


def _missing_scores(
    shard: edge.EdgeShard,
    queries: tuple[edge.Query, edge.Query | None],
    dense_missing: list[EngineId],
    sparse_missing: list[EngineId],
) -> tuple[dict[EngineId, float], dict[EngineId, float]]:
    # No filter but the ids: what is scored here passed the filter a moment ago, and nothing was written since.
    wanted = [
        (query, ids) for query, ids in zip(queries, (dense_missing, sparse_missing), strict=True) if query and ids
    ]
    requests = [
        edge.QueryRequest(len(ids), query=query, filter=edge.Filter(must=[with_ids(ids)]), params=_EXACT)
        for query, ids in wanted
    ]
    found = iter(shard.query_batch(edge.QueryBatchRequest(requests)) if requests else [])
    dense = _scores(next(found)) if dense_missing else {}
    sparse = _scores(next(found)) if sparse_missing and queries[1] else {}
    return dense, sparse


def _scores(found: list[edge.ScoredPoint]) -> dict[EngineId, float]:
    return {point.id: point.score for point in found}
