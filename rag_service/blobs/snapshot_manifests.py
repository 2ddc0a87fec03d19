"""Manifests of snapshots as JSON."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import ChunkId, CorpusId, Fingerprint, PointId, TenantId
from rag_service.errors import DataDamaged
from rag_service.ports.snapshots import Probe, SnapshotManifest, SnapshotPart
from rag_service.ports.vector_index import Candidate
from rag_service.ports.vectors import QueryVectors, SparseVector

FORMAT = "snapshot-1"


def manifest_to_json(manifest: SnapshotManifest) -> bytes:
    """Return the manifest as `manifest_from_json` reads it."""
    values = {
        "format": FORMAT,
        "fingerprint": manifest.fingerprint,
        "layout": manifest.layout,
        "begun_at": manifest.begun_at.isoformat(),
        "finished_at": manifest.finished_at and manifest.finished_at.isoformat(),
        "dimensions": manifest.dimensions,
        "points": manifest.points,
        "parts": [asdict(part) for part in manifest.parts],
        "probes": [_probe_out(probe) for probe in manifest.probes],
    }
    return json.dumps(values, indent=1).encode()


def manifest_from_json(content: bytes) -> SnapshotManifest:
    """Return what the JSON says, or raise DataDamaged."""
    try:
        values = json.loads(content)
        if values["format"] != FORMAT:
            raise DataDamaged(f"This release reads {FORMAT}, not {values['format']}.")
        return SnapshotManifest(
            fingerprint=Fingerprint(values["fingerprint"]),
            layout=values["layout"],
            begun_at=datetime.fromisoformat(values["begun_at"]),
            finished_at=datetime.fromisoformat(values["finished_at"]) if values["finished_at"] else None,
            dimensions=values["dimensions"],
            parts=tuple(SnapshotPart(**part) for part in values["parts"]),
            probes=tuple(_probe_in(probe) for probe in values["probes"]),
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise DataDamaged(f"The manifest of a snapshot cannot be read: {exc!r}") from exc


def _probe_out(probe: Probe) -> dict[str, object]:
    query = probe.query
    return {
        "tenant_id": probe.tenant_id,
        "corpus_id": probe.corpus_id,
        "version": probe.version,
        "dense": _text(np.zeros(0) if query.dense is None else query.dense, "<f4"),
        "terms": _text(query.sparse.indices, "<u4"),
        "weights": _text(query.sparse.values, "<f4"),
        "found": [asdict(candidate) for candidate in probe.found],
    }


def _probe_in(values: Mapping[str, Any]) -> Probe:
    sparse = SparseVector(indices=_numbers(values["terms"], "<u4"), values=_numbers(values["weights"], "<f4"))
    return Probe(
        tenant_id=TenantId(values["tenant_id"]),
        corpus_id=CorpusId(values["corpus_id"]),
        version=values["version"],
        query=QueryVectors(dense=_numbers(values["dense"], "<f4"), sparse=sparse),
        found=tuple(_candidate(**one) for one in values["found"]),
    )


def _candidate(point_id: str, chunk_id: str, dense_score: float, sparse_score: float) -> Candidate:
    return Candidate(
        point_id=PointId(point_id), chunk_id=ChunkId(chunk_id), dense_score=dense_score, sparse_score=sparse_score
    )


def _text(numbers: NDArray[Any], kind: str) -> str:
    return base64.b64encode(numbers.astype(kind).tobytes()).decode()


def _numbers(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), kind)
