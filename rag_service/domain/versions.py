"""Corpora and their versions: numbered states made of membership intervals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rag_service.domain.ids import CorpusId, DocumentId, DraftId, Fingerprint, TenantId

OPEN = 2**53 - 1
"""`died` of what is still alive: the largest integer that JSON and every index keep exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A named set of documents. `published` is the version people ask, 0 before the first.

    `highest` is the last number given to a seal; numbers are never used twice.
    """

    id: CorpusId
    tenant_id: TenantId
    name: str
    description: str
    published: int
    highest: int
    fingerprint: Fingerprint
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedVersion:
    """The version of a corpus that one question keeps from start to end."""

    corpus: Corpus
    number: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Member:
    """A revision of a document, as part of a version."""

    document_id: DocumentId
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A sealed state of a corpus."""

    corpus_id: CorpusId
    number: int
    draft_id: DraftId
    document_count: int
    chunk_count: int
    created_at: datetime


class DraftState(StrEnum):
    """How far a draft is. Sealing: it has its number and its points are being written."""

    OPEN = "open"
    SEALING = "sealing"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A list of document changes of a corpus, not yet a version. `number` is given at sealing."""

    id: DraftId
    tenant_id: TenantId
    corpus_id: CorpusId
    state: DraftState
    number: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """A document becomes `revision`, or is deleted when that is None."""

    document_id: DocumentId
    revision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDifference:
    """What a new version brings and what it ends."""

    born: frozenset[Member]
    died: frozenset[Member]


def wanted_members(published: Iterable[Member], changes: Iterable[DraftChange]) -> frozenset[Member]:
    """Return the members of the version that `changes` make of what is published."""
    revisions = {member.document_id: member.revision for member in published}
    for change in changes:
        revisions.pop(change.document_id, None)
        if change.revision is not None:
            revisions[change.document_id] = change.revision
    return frozenset(Member(document_id=document, revision=revision) for document, revision in revisions.items())


def difference(highest: Iterable[Member], wanted: Iterable[Member]) -> VersionDifference:
    """Return the way from what is visible at the highest number to what is wanted.

    Measured against the highest number, not the published one, so that what an abandoned version
    brought dies and what it removed is born again: rollback needs no special case.
    """
    before, after = frozenset(highest), frozenset(wanted)
    return VersionDifference(born=after - before, died=before - after)
