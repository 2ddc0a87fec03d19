"""Snapshots of builds of an index: points with their vectors, in parts, outside of any engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rag_service.domain.ids import CorpusId, Fingerprint, PointId, TenantId
from rag_service.ports.vector_index import Candidate, Point
from rag_service.ports.vectors import QueryVectors


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPart:
    """A file of points in order of id, from `first` to `last`. `number` counts from 1."""

    number: int
    points: int
    sha256: str
    size_bytes: int
    first: PointId
    last: PointId


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """A question of everything in a corpus at a version, and what a full scan found for it when the snapshot was made."""

    tenant_id: TenantId
    corpus_id: CorpusId
    version: int
    query: QueryVectors
    found: Sequence[Candidate]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SnapshotManifest:
    """What a snapshot of a build holds. Without `finished_at` it is not complete yet; `layout` is that of the points."""

    fingerprint: Fingerprint
    layout: str
    begun_at: datetime
    finished_at: datetime | None
    dimensions: int
    parts: Sequence[SnapshotPart]
    probes: Sequence[Probe]

    @property
    def points(self) -> int:
        """How many points the parts hold."""
        return sum(part.points for part in self.parts)


class Snapshots(Protocol):
    """A place for snapshots, one per build.

    Raises:
        BlobsUnavailable: the place cannot be reached or is full.
    """

    async def builds(self) -> list[Fingerprint]:
        """Return the builds that have a snapshot, complete or not."""

    async def manifest(self, fingerprint: Fingerprint) -> SnapshotManifest | None:
        """Return what a snapshot holds, None when there is none.

        Raises:
            DataDamaged: what is there cannot be read.
        """

    async def note(self, manifest: SnapshotManifest) -> None:
        """Replace the manifest, in one step; durable when this returns."""

    async def write_part(self, fingerprint: Fingerprint, number: int, points: Sequence[Point]) -> SnapshotPart:
        """Write the points, at least one; durable when this returns. Safe to repeat."""

    async def read_part(self, fingerprint: Fingerprint, part: SnapshotPart) -> list[Point]:
        """Return the points.

        Raises:
            DataDamaged: the file is gone, or not what was written.
        """
