"""Hybrid search in one collection of a Qdrant server."""

from collections.abc import Sequence

from qdrant_client import AsyncQdrantClient, models

from rag_service.domain.ids import ChunkId
from rag_service.ports.vector_index import Candidate
from rag_service.ports.vectors import QueryVectors
from rag_service.retrieval.hybrid import Best, Hit, Side, Wish, asked_apart, hybrid_search
from rag_service.retrieval.point_payload import CHUNK_ID, DENSE, SPARSE
from rag_service.retrieval.qdrant_schema import with_ids

_EF = 512  # as for Edge, which is the same engine: the server's default loses much under filters
# Replicas on other processors add in another order: what is equal must tie all the same.
_SCORE_DECIMALS = 6
_UNQUANTISED = models.QuantizationSearchParams(ignore=True)
_RESCORED = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
_EXACT = models.SearchParams(exact=True, quantization=_UNQUANTISED)
_GRAPH = models.SearchParams(hnsw_ef=_EF, acorn=models.AcornSearchParams(enable=True), quantization=_RESCORED)


async def search_collection(
    client: AsyncQdrantClient,
    collection: str,
    query: QueryVectors,
    visible: models.Filter,
    *,
    limit: int,
    exact_below: int | None,
) -> list[Candidate]:
    """Return the best `limit` points of each side, by chunk id.

    Scans in full below `exact_below` matching points by the server's own estimate; always when that is None.
    """
    queries = _queries(query)

    async def answer(wishes: list[Wish]) -> list[list[Hit]]:
        requests = [_request(wish, queries[wish.side], visible) for wish in wishes]
        replies = await client.query_batch_points(collection, requests)
        return [_hits(reply.points) for reply in replies]

    exact = exact_below is None or await _estimate(client, collection, visible) < exact_below
    return await asked_apart(hybrid_search(limit=limit, sides=queries.keys(), exact=exact), answer)


async def _estimate(client: AsyncQdrantClient, collection: str, visible: models.Filter) -> int:
    return int((await client.count(collection, count_filter=visible, exact=False)).count)


def _queries(query: QueryVectors) -> dict[Side, list[float] | models.SparseVector]:
    queries: dict[Side, list[float] | models.SparseVector] = {}
    if query.dense is not None:
        queries[Side.DENSE] = query.dense.tolist()
    if query.sparse.indices.size:
        queries[Side.SPARSE] = models.SparseVector(
            indices=query.sparse.indices.tolist(), values=query.sparse.values.tolist()
        )
    return queries


def _request(wish: Wish, query: list[float] | models.SparseVector, visible: models.Filter) -> models.QueryRequest:
    using = DENSE if wish.side is Side.DENSE else SPARSE
    if isinstance(wish, Best):
        params = _EXACT if wish.exact else _GRAPH
        return models.QueryRequest(
            query=query, using=using, filter=visible, params=params, limit=wish.limit, with_payload=[CHUNK_ID]
        )
    return models.QueryRequest(
        query=query, using=using, filter=with_ids(wish.points), params=_EXACT, limit=len(wish.points)
    )


def _hits(found: Sequence[models.ScoredPoint]) -> list[Hit]:
    return [
        Hit(point.id, round(point.score, _SCORE_DECIMALS), ChunkId((point.payload or {}).get(CHUNK_ID, "")))
        for point in found
    ]
