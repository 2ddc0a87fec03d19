"""What the index finds among the documents that pass a filter."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from rag_service.domain.access import AccessScope
from rag_service.domain.filters import Filter
from rag_service.domain.ids import ChunkId, DocumentId
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import Candidate
from rag_service.ports.vectors import QueryVectors
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.find_candidates import FindCandidates, Found
from rag_service.use_cases.searching.options import SearchOptions

MOST_DOCUMENTS = 3_000
"""Each id costs an engine 11 microseconds a search: with more of them, looking further and checking costs less."""

_FURTHER = 10
"""Times as many candidates: what passes is then seldom too little."""


class FindFiltered:
    """Finds candidates as `FindCandidates` does, the best of each side among the documents that a filter lets pass.

    The index is told up to `most_documents`; both ways find the same.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        find: FindCandidates,
        settings: RetrievalSettings,
        most_documents: int = MOST_DOCUMENTS,
    ) -> None:
        self._catalog = catalog
        self._find = find
        self._settings = settings
        self._most_documents = most_documents

    async def __call__(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        vectors: QueryVectors,
        options: SearchOptions,
        *,
        deadline: Deadline,
    ) -> Found:
        """Return what `scope` sees at the pinned version and the filter lets pass; errors as of `FindCandidates`."""

        async def find(options: SearchOptions) -> Found:
            return await self._find(scope, pinned, vectors, options, deadline=deadline)

        if options.filters is None:
            return await find(options)
        passed = await self._matching(scope, pinned, options.filters, limit=self._most_documents + 1)
        if len(passed) > self._most_documents:
            limit = max(options.limit, self._settings.candidates)
            found = await find(replace(options, limit=_FURTHER * limit))
            passing = await self._passing(scope, pinned, found.candidates, options.filters)
            best = _best_that_pass(found.candidates, passing, limit=limit, has_dense=vectors.dense is not None)
            if best is not None:
                return replace(found, candidates=best)
            passed = await self._matching(scope, pinned, options.filters)
        # An engine may take an empty list of documents for no condition.
        return await find(replace(options, documents=passed)) if passed else Found(candidates=[])

    async def _matching(
        self, scope: AccessScope, pinned: PinnedVersion, wanted: Filter, *, limit: int | None = None
    ) -> frozenset[DocumentId]:
        async with self._catalog.reading() as tx:
            return await tx.documents.matching(scope, pinned.corpus.id, pinned.number, wanted, limit=limit)

    async def _passing(
        self, scope: AccessScope, pinned: PinnedVersion, found: Sequence[Candidate], wanted: Filter
    ) -> Collection[ChunkId]:
        async with self._catalog.reading() as tx:
            ids = [candidate.chunk_id for candidate in found]
            return await tx.chunks.matching(scope, pinned.corpus.id, pinned.number, ids, wanted)


def _best_that_pass(
    found: Sequence[Candidate], passing: Collection[ChunkId], *, limit: int, has_dense: bool
) -> list[Candidate] | None:
    """Return the best `limit` of each side; None when better ones may lie further away than was looked."""
    chosen: dict[ChunkId, Candidate] = {}
    for side in _sides(found, has_dense=has_dense):
        kept = [candidate for candidate in side[: _FURTHER * limit] if candidate.chunk_id in passing][:limit]
        if len(kept) < limit and len(side) >= _FURTHER * limit:
            return None
        chosen |= {candidate.chunk_id: candidate for candidate in kept}
    return [chosen[chunk_id] for chunk_id in sorted(chosen)]


def _sides(found: Sequence[Candidate], *, has_dense: bool) -> Iterator[list[Candidate]]:
    """Yield what each side found, best first, and behind it what only the other one did."""
    if has_dense:
        yield sorted(found, key=lambda candidate: (-candidate.dense_score, candidate.chunk_id))
    with_words = [candidate for candidate in found if candidate.sparse_score > 0]
    yield sorted(with_words, key=lambda candidate: (-candidate.sparse_score, candidate.chunk_id))
