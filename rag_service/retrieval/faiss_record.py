"""A point as its row is kept."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, PointId, TenantId
from rag_service.ports.vector_index import Point, PointState
from rag_service.ports.vectors import DenseVector, SparseVector

FLOATS = np.dtype("<f4")
TERMS = np.dtype("<u4")
_ROUNDING = 1e-6


class Record(NamedTuple):
    """A row; vectors as raw bytes, `principals` as JSON in one order, so that the same ones are the same text."""

    row: int
    id: str
    tenant_id: str
    corpus_id: str
    document_id: str
    chunk_id: str
    principals: str
    born: int
    died: int
    dense: bytes
    terms: bytes
    weights: bytes

    @classmethod
    def of(cls, point: Point, row: int) -> "Record":
        return cls(
            row=row,
            id=point.id,
            tenant_id=point.tenant_id,
            corpus_id=point.corpus_id,
            document_id=point.document_id,
            chunk_id=point.chunk_id,
            principals=principals_text(point.principals),
            born=point.born,
            died=point.died,
            dense=point.dense.astype(FLOATS).tobytes(),
            terms=point.sparse.indices.astype(TERMS).tobytes(),
            weights=point.sparse.values.astype(FLOATS).tobytes(),
        )


class Records(NamedTuple):
    """Rows in columns, with the fields of `Record`."""

    row: Sequence[int]
    id: Sequence[str]
    tenant_id: Sequence[str]
    corpus_id: Sequence[str]
    document_id: Sequence[str]
    chunk_id: Sequence[str]
    principals: Sequence[str]
    born: Sequence[int]
    died: Sequence[int]
    dense: Sequence[bytes]
    terms: Sequence[bytes]
    weights: Sequence[bytes]

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> "Records":
        """Return at least one record in columns."""
        return cls(*zip(*rows, strict=True))


def principals_text(principals: Iterable[str]) -> str:
    """Return principals as a record keeps them."""
    return json.dumps(sorted(principals))


def point_of(record: Record) -> Point:
    """Return the point of a record, its dense vector of length 1."""
    return Point(
        id=PointId(record.id),
        tenant_id=TenantId(record.tenant_id),
        corpus_id=CorpusId(record.corpus_id),
        document_id=DocumentId(record.document_id),
        chunk_id=ChunkId(record.chunk_id),
        principals=frozenset(json.loads(record.principals)),
        born=record.born,
        died=record.died,
        dense=_of_length_one(np.frombuffer(record.dense, dtype=FLOATS)),
        sparse=SparseVector(
            indices=np.frombuffer(record.terms, dtype=TERMS), values=np.frombuffer(record.weights, dtype=FLOATS)
        ),
    )


def state_of(values: Sequence[Any]) -> PointState:
    """Return the state of a point whose record begins with these values, as far as its vectors."""
    _, point_id, tenant_id, corpus_id, _, chunk_id, principals, born, died = values
    return PointState(
        id=PointId(point_id),
        tenant_id=TenantId(tenant_id),
        corpus_id=CorpusId(corpus_id),
        chunk_id=ChunkId(chunk_id),
        principals=frozenset(json.loads(principals)),
        born=born,
        died=died,
    )


def _of_length_one(vector: DenseVector) -> DenseVector:
    length = np.linalg.norm(vector.astype(np.float64))
    # To divide once more would move the last bits: what comes back from a snapshot scores as it did.
    if abs(length - 1) < _ROUNDING:
        return vector
    normal: DenseVector = (vector / length).astype(np.float32)
    return normal
