"""The law of points: which points the index holds of a build of a corpus.

For every membership (document, revision, born, died) of the corpus with born <= synced and died > since there is exactly
one point per chunk of that revision under the build's fingerprint: with the id `point_id(chunk, born)`, that born, that
died if it is <= synced and else none, and the document's principals. Nothing else, except points of a draft while it is
sealing or unsealing, and whatever a build holds while it is being filled.
"""

from dataclasses import dataclass

from rag_service.domain.ids import ChunkId, DocumentId, PointId, point_id
from rag_service.domain.versions import OPEN, Member


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPoint:
    """A point that the law asks for."""

    chunk_id: ChunkId
    member: Member
    born: int
    died: int
    principals: frozenset[str]

    @property
    def id(self) -> PointId:
        """The id under which the index has it."""
        return point_id(self.chunk_id, self.born)

    @property
    def lives(self) -> bool:
        """Say whether no version has ended it yet."""
        return self.died == OPEN


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class MembershipPlace:
    """Where a reading of expected points goes on: after this membership."""

    document_id: DocumentId
    revision: int
    born: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """`highest` is the last number given; `moving` that of a draft whose points are being written or taken away."""

    highest: int
    moving: int | None

    def owns(self, born: int, died: int) -> bool:
        """Say whether a point of this life belongs to the moving draft, and is nobody else's to change."""
        return self.moving is not None and self.moving in (born, died)
