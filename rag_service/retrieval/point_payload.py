"""What an engine keeps beside the vectors of a point: ids, numbers and principals, and no text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, PointId, TenantId
from rag_service.ports.vector_index import Point, PointState
from rag_service.ports.vectors import DenseVector, SparseVector

DENSE = "dense"
SPARSE = "sparse"
"""Names of the two vectors of a point."""

TENANT_ID = "tenant_id"
CORPUS_ID = "corpus_id"
DOCUMENT_ID = "document_id"
CHUNK_ID = "chunk_id"
PRINCIPALS = "principals"
BORN = "born"
DIED = "died"
FIELDS = [TENANT_ID, CORPUS_ID, CHUNK_ID, PRINCIPALS, BORN, DIED]


def payload_of(point: Point) -> dict[str, Any]:
    """Return what is kept of a point."""
    return {
        TENANT_ID: point.tenant_id,
        CORPUS_ID: point.corpus_id,
        DOCUMENT_ID: point.document_id,
        CHUNK_ID: point.chunk_id,
        PRINCIPALS: sorted(point.principals),
        BORN: point.born,
        DIED: point.died,
    }


def state_of(point_id: object, payload: Mapping[str, Any] | None) -> PointState:
    """Return what an engine knows of a point from its id and what is kept of it."""
    kept = payload or {}
    return PointState(
        id=PointId(str(point_id)),
        tenant_id=TenantId(kept[TENANT_ID]),
        corpus_id=CorpusId(kept[CORPUS_ID]),
        chunk_id=ChunkId(kept[CHUNK_ID]),
        principals=frozenset(kept[PRINCIPALS]),
        born=int(kept[BORN]),
        died=int(kept[DIED]),
    )


def dense_of(vectors: Any) -> DenseVector:
    """Return the dense one of a point's `vectors` by their names."""
    return np.asarray(vectors[DENSE], dtype=np.float32)


def point_of(point_id: object, payload: Mapping[str, Any] | None, vectors: Any) -> Point:
    """Return a point from all that an engine keeps of it; `vectors` by their names."""
    state, terms = state_of(point_id, payload), vectors[SPARSE]
    return Point(
        id=state.id,
        tenant_id=state.tenant_id,
        corpus_id=state.corpus_id,
        document_id=DocumentId((payload or {})[DOCUMENT_ID]),
        chunk_id=state.chunk_id,
        principals=state.principals,
        born=state.born,
        died=state.died,
        dense=dense_of(vectors),
        sparse=_in_order(terms.indices, terms.values),
    )


def _in_order(indices: Sequence[int], values: Sequence[float]) -> SparseVector:
    terms, weights = np.asarray(indices, dtype=np.uint32), np.asarray(values, dtype=np.float32)
    order = np.argsort(terms)
    return SparseVector(indices=terms[order], values=weights[order])
