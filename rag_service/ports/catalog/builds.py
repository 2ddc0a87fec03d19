"""The builds of a corpus, how far each is, and what it takes to bring one further."""

from collections.abc import Sequence
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build, Membership
from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint
from rag_service.domain.versions import Corpus, Member
from rag_service.ports.sparse_encoder import DocumentFrequencies


class Builds(Protocol):
    """Builds of corpora in scope; another's is NotFound. The law of points in `domain/points.py` follows these rows."""

    async def add(self, scope: AccessScope, build: Build) -> None:
        """Add a build; Conflict when the corpus has one of this fingerprint."""

    async def get(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> Build:
        """Return a build, or raise NotFound."""

    async def lacking(self, fingerprint: Fingerprint) -> list[Corpus]:
        """Return the corpora of all tenants that have no such build and are asked under another one."""

    async def start_filling(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> None:
        """Take a build out of the law of points, until `finish_filling`; nobody is mending it then. Safe to repeat."""

    async def advance(
        self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint, *, filled_to: DocumentId, done: int
    ) -> None:
        """Note that the documents up to `filled_to`, `done` of them, have their points."""

    async def finish_filling(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        fingerprint: Fingerprint,
        *,
        synced: int,
        frequencies: DocumentFrequencies,
    ) -> None:
        """Make a build ready, with all points up to version `synced`, and keep the frequencies of that version."""

    async def adopt(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> None:
        """Make a build ready and the one of a corpus that has no version, so that its first is sealed under it.

        Raises:
            SlotTaken: a draft of the corpus is being sealed.
            Conflict: the corpus has a version.
        """

    async def last_published(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        """Return the highest number that was ever published, 0 without one: no version up to it is unsealed again."""

    async def members_after(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, *, after: str | None, limit: int
    ) -> list[Membership]:
        """Return the next `limit` memberships that are visible at `number`, by document id, as they are now."""

    async def changed_between(
        self, scope: AccessScope, corpus_id: CorpusId, *, after: int, up_to: int
    ) -> list[Membership]:
        """Return the memberships that were born or died above `after` and not above `up_to`, as they are now."""

    async def without_chunks(
        self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]
    ) -> list[Member]:
        """Return those of the revisions that have no chunks under a build, in order."""

    async def list(self, scope: AccessScope, corpus_id: CorpusId) -> list[Build]:
        """Return the builds of a corpus, oldest first."""
