"""What the index finds for the vectors of a question."""

from rag_service.domain.access import AccessScope
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.vector_index import Candidate, VectorIndex, Visible
from rag_service.ports.vectors import QueryVectors
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.searching.options import SearchOptions


class FindCandidates:
    """Asks the index for the candidates of both sides."""

    def __init__(self, *, index: VectorIndex, settings: RetrievalSettings) -> None:
        self._index = index
        self._settings = settings

    async def __call__(
        self, scope: AccessScope, pinned: PinnedVersion, vectors: QueryVectors, options: SearchOptions
    ) -> list[Candidate]:
        """Return what `scope` sees at the pinned version, by chunk id."""
        return await self._index.search(
            pinned.fingerprint,
            vectors,
            among=Visible(scope=scope, corpus_id=pinned.corpus.id, version=pinned.number, documents=options.documents),
            limit=max(options.limit, self._settings.candidates),
            exact=options.exact or self._settings.exact,
        )
