"""How points lie on a Qdrant server: collections, indexes, filters."""

from collections.abc import Iterable, Sequence

from qdrant_client import models

from rag_service.domain.ids import CorpusId, PointId
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

FIELD_INDEXES: dict[str, models.KeywordIndexParams | models.IntegerIndexParams] = {
    # The server keeps the points of a tenant together.
    TENANT_ID: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    CORPUS_ID: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
    DOCUMENT_ID: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
    PRINCIPALS: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
    BORN: models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=False, range=True),
    DIED: models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=False, range=True),
}
"""Must be there before the first point, or filters cost ten times as much."""

HNSW = models.HnswConfigDiff(m=16, ef_construct=128)
INT8 = models.ScalarQuantization(
    scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
)


def dense_vectors(dimensions: int) -> dict[str, models.VectorParams]:
    """Return the dense side of a new collection."""
    return {DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)}


def sparse_vectors() -> dict[str, models.SparseVectorParams]:
    """Return the sparse side, without the IDF modifier: the server's would count dead and foreign points."""
    return {SPARSE: models.SparseVectorParams()}


def server_point(point: Point) -> models.PointStruct:
    """Return a point as the server takes it."""
    terms = models.SparseVector(indices=point.sparse.indices.tolist(), values=point.sparse.values.tolist())
    return models.PointStruct(
        id=point.id, vector={DENSE: point.dense.tolist(), SPARSE: terms}, payload=payload_of(point)
    )


def filter_of(among: Visible) -> models.Filter:
    """Return the filter of what a search may find."""
    scope = among.scope
    conditions: list[models.Condition] = [
        _equals(TENANT_ID, scope.tenant_id),
        _equals(CORPUS_ID, among.corpus_id),
        models.FieldCondition(key=BORN, range=models.Range(lte=among.version)),
        models.FieldCondition(key=DIED, range=models.Range(gt=among.version)),
    ]
    if not scope.sees_all_documents:
        groups = models.MatchAny(any=sorted(scope.principals))
        conditions.append(models.FieldCondition(key=PRINCIPALS, match=groups))
    if among.documents is not None:
        documents = models.MatchAny(any=sorted(among.documents))
        conditions.append(models.FieldCondition(key=DOCUMENT_ID, match=documents))
    return models.Filter(must=conditions)


def of_corpus(corpus_id: CorpusId, *, born_after: int) -> models.Filter:
    """Return the filter of the points of a corpus born after a version, dead ones too."""
    born = models.FieldCondition(key=BORN, range=models.Range(gt=born_after))
    return models.Filter(must=[_equals(CORPUS_ID, corpus_id), born])


def with_ids(ids: Iterable[EngineId] | Sequence[PointId]) -> models.Filter:
    """Return the filter of points by id, of which some may not exist."""
    return models.Filter(must=[models.HasIdCondition(has_id=[str(each) for each in ids])])


def _equals(field: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))
