"""Points as bytes: what tells them apart in columns of msgpack, compressed; vectors as raw little-endian numbers."""

import zlib
from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np

from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, PointId, TenantId
from rag_service.errors import DataDamaged
from rag_service.ports.vector_index import Point
from rag_service.ports.vectors import SparseVector

_FLOATS = np.dtype("<f4")
_TERMS = np.dtype("<u4")
_FAST = 1
"""Of zlib's levels: the words of texts shrink to two thirds, vectors by a tenth at most, so that these stay as they are."""


def pack_points(points: Sequence[Point]) -> bytes:
    """Return points, at least one and all of the same dimensions, as `unpack_points` reads them."""
    columns = {
        "ids": [point.id for point in points],
        "tenants": [point.tenant_id for point in points],
        "corpora": [point.corpus_id for point in points],
        "documents": [point.document_id for point in points],
        "chunks": [point.chunk_id for point in points],
        "principals": [sorted(point.principals) for point in points],
        "lives": [(point.born, point.died) for point in points],
        "lengths": [len(point.sparse.indices) for point in points],
        "terms": np.concatenate([point.sparse.indices for point in points]).astype(_TERMS).tobytes(),
        "weights": np.concatenate([point.sparse.values for point in points]).astype(_FLOATS).tobytes(),
    }
    dense = np.stack([point.dense for point in points]).astype(_FLOATS).tobytes()
    packed: bytes = msgpack.packb({"columns": zlib.compress(msgpack.packb(columns), _FAST), "dense": dense})
    return packed


def unpack_points(packed: bytes) -> list[Point]:
    """Return what was packed, or raise DataDamaged."""
    try:
        whole = msgpack.unpackb(packed)
        columns = msgpack.unpackb(zlib.decompress(whole["columns"]))
        dense = np.frombuffer(whole["dense"], _FLOATS).reshape(len(columns["ids"]), -1)
        sparse = _sparse(columns)
    except (ValueError, KeyError, TypeError, zlib.error, msgpack.UnpackException) as exc:
        raise DataDamaged(f"A part of a snapshot holds no points: {exc!r}") from exc
    return [_point(columns, row, dense[row], sparse[row]) for row in range(len(dense))]


def _point(columns: dict[str, Any], row: int, dense: Any, sparse: SparseVector) -> Point:
    born, died = columns["lives"][row]
    return Point(
        id=PointId(columns["ids"][row]),
        tenant_id=TenantId(columns["tenants"][row]),
        corpus_id=CorpusId(columns["corpora"][row]),
        document_id=DocumentId(columns["documents"][row]),
        chunk_id=ChunkId(columns["chunks"][row]),
        principals=frozenset(columns["principals"][row]),
        born=born,
        died=died,
        dense=dense,
        sparse=sparse,
    )


def _sparse(columns: dict[str, Any]) -> list[SparseVector]:
    ends = np.cumsum(columns["lengths"], dtype=np.int64)[:-1]
    terms = np.split(np.frombuffer(columns["terms"], _TERMS), ends)
    weights = np.split(np.frombuffer(columns["weights"], _FLOATS), ends)
    return [SparseVector(indices=one, values=other) for one, other in zip(terms, weights, strict=True)]
