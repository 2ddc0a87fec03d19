"""What index host and clients say to each other: frames of a length and a msgpack map, vectors as raw bytes."""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgpack
import numpy as np

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, PointId, TenantId
from rag_service.ports.vector_index import Candidate, Point, PointState, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector

MAX_FRAME_BYTES = 64 * 2**20
_LENGTH = struct.Struct(">I")
_FLOATS = np.dtype("<f4")
_TERMS = np.dtype("<u4")

Message = dict[str, Any]
Engine = Literal["edge", "faiss"]
"""The engines of an index host. Every message names the one that it is for, under the key `engine`."""


class BadFrame(ValueError):
    """The other side does not speak this protocol, or says too much at once."""


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """Return the next message, None when the other side has closed the connection between two.

    Raises:
        BadFrame: too large, or no map.
        ConnectionError: the connection ended inside a message.
    """
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_FRAME_BYTES:
            raise BadFrame(f"a frame of {length} bytes")
        return _unpacked(await reader.readexactly(length))
    except asyncio.IncompleteReadError as exc:
        if exc.partial or exc.expected != _LENGTH.size:
            raise ConnectionResetError("the connection ended inside a message") from exc
        return None


async def read_answer(reader: asyncio.StreamReader) -> Message:
    """Return the next message.

    Raises:
        ConnectionError: there is none.
    """
    message = await read_message(reader)
    if message is None:
        raise ConnectionResetError("the other side closed the connection")
    return message


async def send_message(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send a message.

    Raises:
        BadFrame: the message is larger than any reader takes.
    """
    body = msgpack.packb(message)
    if len(body) > MAX_FRAME_BYTES:
        raise BadFrame(f"a frame of {len(body)} bytes")
    writer.write(_LENGTH.pack(len(body)) + body)
    await writer.drain()


def error_message(error: Exception) -> Message:
    """Return the answer that lets the client raise `error`."""
    return {"error": type(error).__name__, "message": str(error)}


def pack_points(points: Sequence[Point]) -> list[list[object]]:
    return [
        [
            point.id,
            point.tenant_id,
            point.corpus_id,
            point.document_id,
            point.chunk_id,
            sorted(point.principals),
            point.born,
            point.died,
            point.dense.astype(_FLOATS).tobytes(),
            *_pack_sparse(point.sparse),
        ]
        for point in points
    ]


def unpack_points(rows: list[list[Any]]) -> list[Point]:
    return [
        Point(
            id=PointId(row[0]),
            tenant_id=TenantId(row[1]),
            corpus_id=CorpusId(row[2]),
            document_id=DocumentId(row[3]),
            chunk_id=ChunkId(row[4]),
            principals=frozenset(row[5]),
            born=row[6],
            died=row[7],
            dense=np.frombuffer(row[8], dtype=_FLOATS),
            sparse=_unpack_sparse(row[9], row[10]),
        )
        for row in rows
    ]


def pack_query(query: QueryVectors) -> list[bytes | None]:
    dense = None if query.dense is None else query.dense.astype(_FLOATS).tobytes()
    return [dense, *_pack_sparse(query.sparse)]


def unpack_query(row: list[Any]) -> QueryVectors:
    dense = None if row[0] is None else np.frombuffer(row[0], dtype=_FLOATS)
    return QueryVectors(dense=dense, sparse=_unpack_sparse(row[1], row[2]))


def pack_visible(among: Visible) -> list[object]:
    """Pack what decides visibility; permissions mean nothing to an index."""
    scope = among.scope
    corpora = None if scope.corpora is None else sorted(scope.corpora)
    documents = None if among.documents is None else sorted(among.documents)
    seen_by = [scope.tenant_id, sorted(scope.principals), corpora, scope.sees_all_documents]
    return [seen_by, among.corpus_id, among.version, documents]


def unpack_visible(row: list[Any]) -> Visible:
    return Visible(
        scope=_unpack_scope(row[0]),
        corpus_id=CorpusId(row[1]),
        version=row[2],
        documents=None if row[3] is None else frozenset(DocumentId(document) for document in row[3]),
    )


def pack_candidates(candidates: Sequence[Candidate]) -> list[tuple[str, str, float, float]]:
    return [(item.point_id, item.chunk_id, item.dense_score, item.sparse_score) for item in candidates]


def unpack_candidates(rows: list[list[Any]]) -> list[Candidate]:
    return [
        Candidate(point_id=PointId(row[0]), chunk_id=ChunkId(row[1]), dense_score=row[2], sparse_score=row[3])
        for row in rows
    ]


def pack_vectors(vectors: Mapping[PointId, DenseVector]) -> tuple[list[PointId], bytes]:
    return list(vectors), b"".join(vector.astype(_FLOATS).tobytes() for vector in vectors.values())


def unpack_vectors(packed: tuple[list[str], bytes]) -> dict[PointId, DenseVector]:
    ids, values = packed
    if not ids:
        return {}
    rows: DenseVector = np.frombuffer(values, dtype=_FLOATS).reshape(len(ids), -1)
    return {PointId(point_id): row for point_id, row in zip(ids, rows, strict=True)}


def pack_states(states: Sequence[PointState]) -> list[list[object]]:
    return [
        [
            state.id,
            state.tenant_id,
            state.corpus_id,
            state.chunk_id,
            sorted(state.principals),
            state.born,
            state.died,
        ]
        for state in states
    ]


def unpack_states(rows: list[list[Any]]) -> list[PointState]:
    return [
        PointState(
            id=PointId(row[0]),
            tenant_id=TenantId(row[1]),
            corpus_id=CorpusId(row[2]),
            chunk_id=ChunkId(row[3]),
            principals=frozenset(row[4]),
            born=row[5],
            died=row[6],
        )
        for row in rows
    ]


def _unpack_scope(row: list[Any]) -> AccessScope:
    return AccessScope(
        tenant_id=TenantId(row[0]),
        principals=frozenset(row[1]),
        permissions=frozenset(),
        corpora=None if row[2] is None else frozenset(CorpusId(corpus) for corpus in row[2]),
        sees_all_documents=row[3],
    )


def _pack_sparse(vector: SparseVector) -> tuple[bytes, bytes]:
    return vector.indices.astype(_TERMS).tobytes(), vector.values.astype(_FLOATS).tobytes()


def _unpack_sparse(indices: bytes, values: bytes) -> SparseVector:
    return SparseVector(indices=np.frombuffer(indices, dtype=_TERMS), values=np.frombuffer(values, dtype=_FLOATS))


def _unpacked(body: bytes) -> Message:
    try:
        message = msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException) as exc:
        raise BadFrame("not msgpack") from exc
    if not isinstance(message, dict):
        raise BadFrame("not a map")
    return message
