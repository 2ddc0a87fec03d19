"""Identifiers. Distinct types, so that a document id cannot pass for a chunk id."""

import uuid
from typing import NewType

TenantId = NewType("TenantId", str)
KeyId = NewType("KeyId", str)
CorpusId = NewType("CorpusId", str)
FileId = NewType("FileId", str)
DocumentId = NewType("DocumentId", str)
ChunkId = NewType("ChunkId", str)
PointId = NewType("PointId", str)
DraftId = NewType("DraftId", str)
JobId = NewType("JobId", str)
WorkerId = NewType("WorkerId", str)
AnswerId = NewType("AnswerId", str)
ErasureId = NewType("ErasureId", str)
SourceId = NewType("SourceId", str)
RunId = NewType("RunId", str)
GoldenId = NewType("GoldenId", str)
EvalRunId = NewType("EvalRunId", str)

Fingerprint = NewType("Fingerprint", str)
"""Hex digest that names one way of chunking and embedding; see `domain/fingerprints.py`."""

_NAMESPACE = uuid.UUID("6f0b5f0e-3b57-5d0c-9a55-9a3b1f6d2c11")


def new_id(prefix: str) -> str:
    """Return `prefix` followed by 32 random hex characters."""
    return f"{prefix}{uuid.uuid4().hex}"


def chunk_id(fingerprint: Fingerprint, document_id: DocumentId, revision: int, ordinal: int) -> ChunkId:
    """Return the id of a chunk: the same content place always has the same id."""
    return ChunkId(str(uuid.uuid5(_NAMESPACE, f"{fingerprint}/{document_id}/{revision}/{ordinal}")))


def point_id(chunk: ChunkId, born: int) -> PointId:
    """Return the id of the index point that shows `chunk` from version `born` on."""
    return PointId(str(uuid.uuid5(_NAMESPACE, f"{chunk}/{born}")))
