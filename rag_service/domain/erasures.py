"""Erasures: what is to be removed, what was removed where, and the receipt that says so."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rag_service.domain.ids import (
    AnswerId,
    ChunkId,
    CorpusId,
    ErasureId,
    Fingerprint,
    KeyId,
    PointId,
    TenantId,
    point_id,
)

RECEIPT_FORMAT = "rag-erasure-receipt-1"

Counts = Mapping[str, int]


class ErasureKind(StrEnum):
    """What is erased: a document in all its revisions, what the service keeps of an end user, or a whole corpus."""

    DOCUMENT = "document"
    PERSON = "person"
    CORPUS = "corpus"


class ErasureState(StrEnum):
    """Requested: nobody sees it any more. Erasing: its rows are gone, the rest follows. Done: there is a receipt."""

    REQUESTED = "requested"
    ERASING = "erasing"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedChunks:
    """Chunks of one revision under one build, and the versions at which the revision was born."""

    fingerprint: Fingerprint
    chunk_ids: tuple[ChunkId, ...]
    births: tuple[int, ...]

    @property
    def point_ids(self) -> list[PointId]:
        """The points under which the index had them."""
        return [point_id(chunk_id, born) for chunk_id in self.chunk_ids for born in self.births]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePlan:
    """What must be known to finish after the rows are gone. Ids and hashes, forgotten when the erasure is done.

    `vectors` are the hashes of texts whose kept vectors went, `blobs` those of raw files that no row names any more.
    `points` counts those of a corpus in the index. `has_strays` when something was prepared and never finished: vectors
    may be kept of texts that no chunk ever had. Not before `settles_at` have workers noticed that they lost the jobs
    of what is erased.
    """

    chunks: tuple[ErasedChunks, ...] = ()
    blobs: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    points: int | None = None
    has_strays: bool = False
    settles_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How much was removed from each store, and how much stays because something else has the same.

    `notes` say in words what a receipt should not leave out.
    """

    removed: Counts = field(default_factory=dict)
    shared: Counts = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def plus(self, other: "Removal") -> "Removal":
        """Return both together."""
        return Removal(
            removed=_sum(self.removed, other.removed),
            shared=_sum(self.shared, other.shared),
            notes=(*self.notes, *other.notes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A request to erase, and how far it is.

    `subject` holds ids, and for a person the keyed hash of the name: never the name. `receipt` is canonical JSON;
    `signature` is over its bytes, by the key in `public_key`.
    """

    id: ErasureId
    tenant_id: TenantId
    kind: ErasureKind
    subject: Mapping[str, str]
    requested_by: KeyId | None
    created_at: datetime
    state: ErasureState = ErasureState.REQUESTED
    plan: ErasurePlan = ErasurePlan()
    removal: Removal = Removal()
    probes: Counts = field(default_factory=dict)
    finished_at: datetime | None = None
    receipt: str | None = None
    signature: str | None = None
    public_key: str | None = None


class TombstoneKind(StrEnum):
    """What stood here. A person's tombstone says up to when what the service kept of them was erased."""

    DOCUMENT = "document"
    CORPUS = "corpus"
    ANSWER = "answer"
    FILE = "file"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """Stands where something was erased. `principals` are keyed hashes of those who could see it."""

    kind: TombstoneKind
    id: str
    tenant_id: TenantId
    corpus_id: CorpusId | None
    erasure_id: ErasureId
    principals: frozenset[str]
    erased_at: datetime


def tombstone_of(
    erasure: Erasure, kind: TombstoneKind, ref: str, *, corpus_id: CorpusId | None, principals: frozenset[str]
) -> Tombstone:
    """Return what an erasure leaves where `ref` was."""
    return Tombstone(
        kind=kind,
        id=ref,
        tenant_id=erasure.tenant_id,
        corpus_id=corpus_id,
        erasure_id=erasure.id,
        principals=principals,
        erased_at=erasure.created_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPlace:
    """An answer that is to be erased: where it is and who could read it."""

    id: AnswerId
    corpus_id: CorpusId
    key_id: KeyId | None
    end_user: str | None


def receipt_of(erasure: Erasure, *, finished_at: datetime, removal: Removal, probes: Counts) -> str:
    """Return the receipt: JSON with sorted keys, without spaces, in ASCII, so that the same facts are the same bytes."""
    facts = {
        "format": RECEIPT_FORMAT,
        "erasure": erasure.id,
        "tenant": erasure.tenant_id,
        "kind": erasure.kind.value,
        "subject": dict(erasure.subject),
        "requested_at": erasure.created_at.isoformat(),
        "finished_at": finished_at.isoformat(),
        "removed": dict(removal.removed),
        "shared": dict(removal.shared),
        "probes": dict(probes),
        "notes": list(removal.notes),
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _sum(one: Counts, other: Counts) -> Counts:
    total = Counter(one)
    total.update(other)
    return dict(total)
