"""Corpora and their versions: numbered states made of membership intervals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rag_service.domain.ids import CorpusId, DocumentId, DraftId, Fingerprint, KeyId, TenantId

OPEN = 2**53 - 1
"""`died` of what is still alive: the largest integer that JSON and every index keep exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A named set of documents. `published` is the version people ask, 0 before the first.

    `highest` is the last number given to a seal; numbers are never used twice. `fingerprint` is the build of what is
    published. A version is kept as one of the newest `keep_versions` or while it is younger than `keep_days`.
    `erasures` counts what was erased: whatever was kept of a version under another count may have changed.
    `rights_epoch` counts changes of what a version's points are found by: rights that reached them, points mended.
    `dense_weight`, in [0, 1], was learned of the corpus's own questions; None: it is searched with the usual one.
    """

    id: CorpusId
    tenant_id: TenantId
    name: str
    description: str
    published: int
    highest: int
    fingerprint: Fingerprint
    created_at: datetime
    keep_versions: int = 50
    keep_days: int = 30
    erasures: int = 0
    rights_epoch: int = 0
    dense_weight: float | None = None

    def dense_weight_or(self, usual: float) -> float:
        """Return the weight of the dense side with which this corpus is searched."""
        return usual if self.dense_weight is None else self.dense_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedVersion:
    """The version of a corpus that one question keeps from start to end, and the build it was sealed under."""

    corpus: Corpus
    number: int
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Member:
    """A revision of a document, as part of a version."""

    document_id: DocumentId
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A sealed state of a corpus, under one build. `published_at` is when people could ask it first, None before."""

    corpus_id: CorpusId
    number: int
    draft_id: DraftId
    document_count: int
    chunk_count: int
    created_at: datetime
    fingerprint: Fingerprint
    notes: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledVersion:
    """A version as people see it: with its labels, and whether it is what people ask."""

    version: Version
    labels: tuple[str, ...]
    is_published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One switch of what people ask: `number` after `previous`, by a key; by the service itself when that is None."""

    corpus_id: CorpusId
    sequence: int
    number: int
    previous: int
    key_id: KeyId | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDifference:
    """What a new version brings and what it ends."""

    born: frozenset[Member]
    died: frozenset[Member]


def difference(highest: Iterable[Member], wanted: Iterable[Member]) -> VersionDifference:
    """Return the way from what is visible at the highest number to what is wanted.

    Measured against the highest number, not the published one, so that what an abandoned version
    brought dies and what it removed is born again: rollback needs no special case.
    """
    before, after = frozenset(highest), frozenset(wanted)
    return VersionDifference(born=after - before, died=before - after)
