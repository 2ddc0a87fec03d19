"""What an engine keeps beside the vectors of a point: ids, numbers and principals, and no text."""

from collections.abc import Mapping
from typing import Any

from rag_service.domain.ids import ChunkId, CorpusId, PointId, TenantId
from rag_service.ports.vector_index import Point, PointState

DENSE = "dense"
SPARSE = "sparse"
"""Names of the two vectors of a point."""

TENANT_ID = "tenant_id"
CORPUS_ID = "corpus_id"
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
