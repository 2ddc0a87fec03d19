"""What the index should hold, as the catalog knows it."""

from collections.abc import Sequence
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, Fingerprint, TenantId
from rag_service.domain.points import ExpectedPoint, MembershipPlace, SlotState


class Points(Protocol):
    """The points that the law in `domain/points.py` asks for in a build; one outside the scope is NotFound."""

    async def tenants(self) -> list[TenantId]:
        """Return every tenant: for work that is done for all of them, each in a scope of its own."""

    async def count(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> int:
        """Return how many points the build should have of the corpus."""

    async def page(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        fingerprint: Fingerprint,
        *,
        after: MembershipPlace | None,
        limit: int,
    ) -> tuple[list[ExpectedPoint], MembershipPlace | None]:
        """Return the points of the next `limit` memberships, and where to go on; None when there are no more."""

    async def of_chunks(
        self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint, chunk_ids: Sequence[ChunkId]
    ) -> list[ExpectedPoint]:
        """Return the points that should show these chunks: one for each time that a chunk was born."""

    async def of_documents(
        self, scope: AccessScope, document_ids: Sequence[DocumentId]
    ) -> dict[Fingerprint, list[ExpectedPoint]]:
        """Return, by build, every point that there may be of those of the documents that the scope may see.

        Also those that a build does not have yet: while it is filled, it may get them at any moment.
        """

    async def slot(self, scope: AccessScope, corpus_id: CorpusId, *, hold: bool) -> SlotState:
        """Return whether a draft of the corpus is being sealed or unsealed.

        `hold`, in a writing transaction: until that ends, no draft of the corpus takes a number, begins to be unsealed,
        or comes to an end of either.
        """
