"""Hybrid search in one Qdrant Edge shard."""

from functools import cache

import qdrant_edge as edge

from rag_service.domain.ids import ChunkId
from rag_service.ports.vector_index import Candidate
from rag_service.ports.vectors import QueryVectors
from rag_service.retrieval.edge_schema import with_ids
from rag_service.retrieval.hybrid import Best, Hit, Side, Wish, asked, hybrid_search
from rag_service.retrieval.point_payload import CHUNK_ID, DENSE, SPARSE

# Shards without 8-bit vectors ignore both.
_UNQUANTISED = edge.QuantizationSearchParams(ignore=True)
_RESCORED = edge.QuantizationSearchParams(rescore=True, oversampling=2.0)
_EXACT = edge.SearchParams(exact=True, quantization=_UNQUANTISED)


def search_shard(
    shard: edge.EdgeShard, query: QueryVectors, visible: edge.Filter, *, limit: int, exact_below: int, ef: int
) -> list[Candidate]:
    """Return the best `limit` points of each side, by chunk id. Scans in full below `exact_below` matching points.

    `ef` says how far a walk through the graph looks around.
    """
    queries = _queries(query)

    def answer(wishes: list[Wish]) -> list[list[Hit]]:
        requests = [_request(wish, queries[wish.side], visible, ef) for wish in wishes]
        return [_hits(found) for found in shard.query_batch(edge.QueryBatchRequest(requests))]

    exact = _matches_fewer(shard, visible, exact_below)
    return asked(hybrid_search(limit=limit, sides=queries.keys(), exact=exact), answer)


def _matches_fewer(shard: edge.EdgeShard, visible: edge.Filter, bound: int) -> bool:
    # The estimate costs a fifth of a search; how many points there are at all is known.
    few = int(shard.info().points_count) < bound
    return few or int(shard.count(edge.CountRequest(exact=False, filter=visible))) < bound


def _queries(query: QueryVectors) -> dict[Side, edge.Query]:
    queries: dict[Side, edge.Query] = {}
    if query.dense is not None:
        queries[Side.DENSE] = edge.Query.Nearest(query.dense.tolist(), DENSE)
    if query.sparse.indices.size:
        terms = edge.SparseVector(query.sparse.indices.tolist(), query.sparse.values.tolist())
        queries[Side.SPARSE] = edge.Query.Nearest(terms, SPARSE)
    return queries


def _request(wish: Wish, query: edge.Query, visible: edge.Filter, ef: int) -> edge.QueryRequest:
    if isinstance(wish, Best):
        params = _EXACT if wish.exact else _through_graph(ef)
        return edge.QueryRequest(wish.limit, query=query, filter=visible, params=params, with_payload=[CHUNK_ID])
    # No filter but the ids: what is scored here passed the filter a moment ago, and nothing was written since.
    ids = edge.Filter(must=[with_ids(wish.points)])
    return edge.QueryRequest(len(wish.points), query=query, filter=ids, params=_EXACT)


@cache
def _through_graph(ef: int) -> edge.SearchParams:
    acorn = edge.AcornSearchParams(enable=True)
    return edge.SearchParams(hnsw_ef=ef, acorn=acorn, quantization=_RESCORED)


def _hits(found: list[edge.ScoredPoint]) -> list[Hit]:
    return [Hit(point.id, point.score, ChunkId((point.payload or {}).get(CHUNK_ID, ""))) for point in found]
