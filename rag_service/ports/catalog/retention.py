"""What is kept of versions, and what nothing that is kept needs any more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.retention import DroppedMembership, Retention, StoredVersion


class Retentions(Protocol):
    """How long the versions of a corpus are kept. A corpus outside the scope is NotFound.

    What drops something is called while the corpus's slot is held, and its points are purged after the commit: a crash in
    between leaves points that the reconciler knows for orphans.
    """

    async def keep(self, scope: AccessScope, corpus_id: CorpusId, retention: Retention) -> None:
        """Replace how long the versions of a corpus are kept."""

    async def versions(self, scope: AccessScope, corpus_id: CorpusId) -> list[StoredVersion]:
        """Return all versions of a corpus by number."""

    async def drop_versions(self, scope: AccessScope, corpus_id: CorpusId, numbers: Sequence[int]) -> None:
        """Remove versions: nobody can ask them any more."""

    async def drop_memberships(self, scope: AccessScope, corpus_id: CorpusId, *, limit: int) -> list[DroppedMembership]:
        """Remove up to `limit` memberships that end before a version that is kept, or lie between two, and return them."""

    async def drop_revisions(
        self, scope: AccessScope, corpus_id: CorpusId, *, created_before: datetime, limit: int
    ) -> int:
        """Remove up to `limit` revisions, with texts, chunks, vectors and files, that nothing needs; return how many.

        Needed are those of a membership, of a draft that is not published or discarded, and those that a kept answer
        shows; and the newest one of a document, unless the document was deleted and nothing else of it is needed: then
        the document goes as well.
        """

    async def unused_builds(self, scope: AccessScope, corpus_id: CorpusId) -> list[Fingerprint]:
        """Return the builds under which no version is kept, and no draft is sealed."""

    async def drop_build(
        self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint, *, limit: int
    ) -> bool:
        """Remove up to `limit` chunks of a build, with vectors; return whether it had no more, and the build is gone."""
