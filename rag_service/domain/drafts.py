"""Drafts: lists of document changes that become versions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rag_service.domain.documents import Revision
from rag_service.domain.ids import CorpusId, DocumentId, DraftId, Fingerprint, KeyId, TenantId
from rag_service.domain.versions import Member


class DraftState(StrEnum):
    """How far a draft is.

    Sealing: it has its number and its points are being written. Sealed: whoever may publish can ask it.
    Unsealing: its points are being taken away, then it is open again.
    """

    OPEN = "open"
    SEALING = "sealing"
    SEALED = "sealed"
    UNSEALING = "unsealing"
    PUBLISHED = "published"
    DISCARDED = "discarded"


LIVE_STATES = frozenset(DraftState) - {DraftState.PUBLISHED, DraftState.DISCARDED}
"""A draft in one of these can still become a version."""


class SealPurpose(StrEnum):
    """What a draft is sealed for. A preview makes room for a publish."""

    PREVIEW = "preview"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A list of document changes of a corpus, not yet a version.

    `base` is what was published when it was opened; `sealed_against` what was published when it took its `number`:
    the version it becomes is made of that one, whatever is published meanwhile. `fingerprint` is the build it is sealed
    under, taken together with the number: the one that is wanted, else the corpus's; `asked_by` is the key that asked for
    the seal, None when nobody did. The automatic draft takes plain
    uploads, has no name, and publishes by itself.
    """

    id: DraftId
    tenant_id: TenantId
    corpus_id: CorpusId
    automatic: bool
    name: str | None
    notes: str
    state: DraftState
    purpose: SealPurpose | None
    number: int | None
    base: int
    sealed_against: int | None
    created_at: datetime
    wanted_fingerprint: Fingerprint | None = None
    fingerprint: Fingerprint | None = None
    asked_by: KeyId | None = None

    @property
    def awaits_publish(self) -> bool:
        """Say whether nothing but its publish is left to do of what was asked for."""
        return self.state is DraftState.SEALED and self.purpose is SealPurpose.PUBLISH

    @property
    def holds_the_slot(self) -> bool:
        """Say whether no other draft of the corpus can be sealed now."""
        return self.state in {DraftState.SEALING, DraftState.SEALED, DraftState.UNSEALING}


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """A document becomes `revision`, or is deleted when that is None."""

    document_id: DocumentId
    revision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedChange:
    """A change as people see it: with the document's key, and the revision it becomes, None for a deletion."""

    change: DraftChange
    key: str
    revision: Revision | None


def wanted_members(published: Iterable[Member], changes: Iterable[DraftChange]) -> frozenset[Member]:
    """Return the members of the version that `changes` make of what is published."""
    revisions = {member.document_id: member.revision for member in published}
    for change in changes:
        revisions.pop(change.document_id, None)
        if change.revision is not None:
            revisions[change.document_id] = change.revision
    return frozenset(Member(document_id=document, revision=revision) for document, revision in revisions.items())


def conflicts(
    changes: Iterable[DraftChange], base: Mapping[DocumentId, int], published: Mapping[DocumentId, int]
) -> list[DocumentId]:
    """Return the changed documents that are no longer what they were when the draft was opened.

    `base` and `published` hold the revision of each document at the draft's base and in what is published now.
    """
    documents = {change.document_id for change in changes}
    return sorted(document for document in documents if base.get(document) != published.get(document))
