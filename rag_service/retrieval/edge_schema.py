"""How points lie in a Qdrant Edge shard: vectors, indexes, filters, and the operations on them."""

from collections.abc import Iterable, Mapping
from typing import Any

import qdrant_edge as edge

from rag_service.domain.ids import CorpusId, PointId
from rag_service.domain.index_advice import GraphParameters
from rag_service.ports.vector_index import Point, Visible
from rag_service.retrieval.hybrid import EngineId
from rag_service.retrieval.point_payload import (
    BORN,
    CORPUS_ID,
    DENSE,
    DIED,
    DOCUMENT_ID,
    PRINCIPALS,
    SPARSE,
    TENANT_ID,
    payload_of,
)

Condition = (
    edge.FieldCondition
    | edge.IsEmptyCondition
    | edge.IsNullCondition
    | edge.HasIdCondition
    | edge.HasVectorCondition
    | edge.NestedCondition
    | edge.Filter
)
_KEYWORDS = (TENANT_ID, CORPUS_ID, DOCUMENT_ID, PRINCIPALS)
_NUMBERS = (BORN, DIED)
_FLOAT_BYTES = 4
# Segments above it leave the slow appendable form when optimised, in which each condition of a filter costs a lookup.
_INDEXING_THRESHOLD_KB = 64
_INT8 = edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, always_ram=True)


def shard_config(*, dimensions: int, exact_below: int, graph: GraphParameters) -> edge.EdgeConfig:
    """Return the configuration of a new shard, or of one that is to be built anew.

    The sparse vectors carry no IDF modifier: the engine's would count dead and foreign points.
    """
    # Two segments are usual on two cores: each is scanned in full below half of what the whole is.
    full_scan_kb = max(1, exact_below // 2) * dimensions * _FLOAT_BYTES // 1024
    return edge.EdgeConfig(
        vectors={DENSE: edge.EdgeVectorParams(size=dimensions, distance=edge.Distance.Cosine)},
        sparse_vectors={SPARSE: edge.EdgeSparseVectorParams()},
        hnsw_config=edge.HnswIndexConfig(
            m=graph.m, ef_construct=graph.ef_construct, full_scan_threshold=max(1, full_scan_kb)
        ),
        quantization_config=_INT8 if graph.int8 else None,
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_INDEXING_THRESHOLD_KB),
        # Without it a second opener is not noticed and loses points.
        wal_enabled=True,
    )


def is_quantised(config: Mapping[str, Any]) -> bool:
    """Say whether a shard with this configuration, as it lies on disk, keeps 8-bit vectors."""
    return bool(config.get("quantization_config"))


def field_indexes() -> list[edge.UpdateOperation]:
    """Return the operations that must come before the first point, or filters cost ten times as much."""
    of_numbers = edge.IntegerIndexParams(lookup=False, range=True)
    return [edge.UpdateOperation.create_field_index(name, edge.PayloadSchemaType.Keyword) for name in _KEYWORDS] + [
        edge.UpdateOperation.create_field_index(name, of_numbers) for name in _NUMBERS
    ]


def upsert(points: list[Point]) -> edge.UpdateOperation:
    """Return the operation that adds or overwrites `points`."""
    return edge.UpdateOperation.upsert_points([_engine_point(point) for point in points])


def rewrite(records: list[edge.Record]) -> edge.UpdateOperation:
    """Return the operation that writes points as they were read."""
    return edge.UpdateOperation.upsert_points(
        [edge.Point(record.id, record.vector or {}, record.payload) for record in records]
    )


def set_died(ids: list[PointId], died: int) -> edge.UpdateOperation:
    """Return the operation that ends the life of points at `died`."""
    return _set_payload(ids, {DIED: died})


def set_principals(ids: list[PointId], principals: frozenset[str]) -> edge.UpdateOperation:
    """Return the operation that replaces who may see points."""
    return _set_payload(ids, {PRINCIPALS: sorted(principals)})


def purge(ids: list[PointId]) -> edge.UpdateOperation:
    """Return the operation that removes points."""
    return edge.UpdateOperation.delete_points(list(ids))


def purge_corpus(corpus_id: CorpusId, *, parts: int) -> list[edge.UpdateOperation]:
    """Return operations that together remove every point of a corpus, each about as many as the others."""
    # The engine's type stubs leave this condition out.
    slices: list[Condition] = [edge.SliceCondition(total=parts, index=part) for part in range(parts)]  # type: ignore[attr-defined]
    return [
        edge.UpdateOperation.delete_points_by_filter(edge.Filter(must=[_equals(CORPUS_ID, corpus_id), one]))
        for one in slices
    ]


def with_ids(ids: Iterable[EngineId]) -> edge.HasIdCondition:
    """Return the condition on ids; the engine takes a set and nothing else."""
    return edge.HasIdCondition(set(ids))


def filter_of(among: Visible) -> edge.Filter:
    """Return the filter of what a search may find."""
    scope = among.scope
    conditions: list[Condition] = [
        _equals(TENANT_ID, scope.tenant_id),
        _equals(CORPUS_ID, among.corpus_id),
        edge.FieldCondition(BORN, range=edge.RangeFloat(lte=among.version)),
        edge.FieldCondition(DIED, range=edge.RangeFloat(gt=among.version)),
    ]
    if not scope.sees_all_documents:
        conditions.append(edge.FieldCondition(PRINCIPALS, match=edge.MatchAny(sorted(scope.principals))))
    if among.documents is not None:
        conditions.append(
            edge.FieldCondition(DOCUMENT_ID, match=edge.MatchAny([str(each) for each in sorted(among.documents)]))
        )
    return edge.Filter(must=conditions)


def of_corpus(corpus_id: CorpusId, *, born_after: int) -> edge.Filter:
    """Return the filter of the points of a corpus born after a version, dead ones too."""
    born = edge.FieldCondition(BORN, range=edge.RangeFloat(gt=born_after))
    return edge.Filter(must=[_equals(CORPUS_ID, corpus_id), born])


def _set_payload(ids: list[PointId], payload: dict[str, object]) -> edge.UpdateOperation:
    # By filter, because an unknown id is an error else.
    return edge.UpdateOperation.set_payload_by_filter(edge.Filter(must=[with_ids(ids)]), payload)


def _equals(field: str, value: str) -> edge.FieldCondition:
    return edge.FieldCondition(field, match=edge.MatchValue(value))


def _engine_point(point: Point) -> edge.Point:
    return edge.Point(
        point.id,
        {
            DENSE: point.dense.tolist(),
            SPARSE: edge.SparseVector(point.sparse.indices.tolist(), point.sparse.values.tolist()),
        },
        payload_of(point),
    )
