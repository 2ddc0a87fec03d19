"""How long versions are kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rag_service.domain.ids import ChunkId, DocumentId, Fingerprint

MOST_KEPT = 100_000
"""Versions, or days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """A version is kept as one of the newest `versions`, or until `days` have passed since people last asked it."""

    versions: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """`last_asked_at` is when another version was published in its place; else when it was sealed.

    Needed are, whatever their age: the published one and those with a label, the two highest, since a draft may be taken
    back to the lower of them, and what a draft that is not published yet was opened on or sealed against.
    """

    number: int
    last_asked_at: datetime
    is_needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedMembership:
    """A time that a revision was part of versions of which none is kept, and the chunks that its points showed."""

    document_id: DocumentId
    revision: int
    born: int
    chunks: dict[Fingerprint, tuple[ChunkId, ...]]


def droppable(versions: Sequence[StoredVersion], retention: Retention, *, now: datetime) -> list[int]:
    """Return the numbers of the versions that need not be kept, lowest first."""
    newest: Collection[int] = sorted(version.number for version in versions)[-retention.versions :]
    young = now - timedelta(days=retention.days)
    return sorted(
        version.number
        for version in versions
        if not version.is_needed and version.number not in newest and version.last_asked_at < young
    )
