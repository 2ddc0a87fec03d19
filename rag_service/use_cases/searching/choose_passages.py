"""Which of the ranked chunks are shown, as the catalog has them."""

from collections.abc import Sequence
from dataclasses import replace

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.exact_terms import exact_terms
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.catalog import Catalog, Chunks
from rag_service.ports.fusion import Ranked
from rag_service.use_cases.searching.exact_matches import FIRST, ExactMatches, are_in_place
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.selection import Selection
from rag_service.use_cases.searching.widen_passages import widened

_SPARE_PASSAGES = 8
"""Read more than asked for at once where some may be left out. What is no longer granted is rare."""


class ChoosePassages:
    """Reads passages from the catalog, which checks the rights again."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._exact_matches = ExactMatches(catalog)

    async def __call__(
        self, scope: AccessScope, pinned: PinnedVersion, ranked: Ranked, query: str, options: SearchOptions
    ) -> list[Passage]:
        """Return as many of the `ranked` chunks, best first, as are wanted, ranks from 1.

        What holds to the letter what the query quotes comes first, and what it names is among the first.
        """
        selection = Selection(options)
        terms = exact_terms(query)
        if terms and not are_in_place(await self._found(scope, pinned, ranked[:FIRST]), terms):
            found = await self._found(scope, pinned, ranked)
            selection.offer(await self._exact_matches(scope, pinned, found, terms, options))
        else:
            await self._offer_best(scope, pinned, ranked, selection, step=_step(options))
        if options.neighbours:
            async with self._catalog.glancing() as tx:
                return _numbered(await widened(tx.chunks, scope, pinned, selection.passages, reach=options.neighbours))
        return _numbered(selection.passages)

    async def _found(self, scope: AccessScope, pinned: PinnedVersion, ranked: Ranked) -> list[Passage]:
        async with self._catalog.glancing() as tx:
            return await _read(tx.chunks, scope, pinned, ranked)

    async def _offer_best(
        self, scope: AccessScope, pinned: PinnedVersion, ranked: Ranked, selection: Selection, *, step: int
    ) -> None:
        # What a version holds stays the same, and rights are live: no two looks have to see one state.
        async with self._catalog.glancing() as tx:
            for start in range(0, len(ranked), step):
                selection.offer(await _read(tx.chunks, scope, pinned, ranked[start : start + step]))
                if selection.is_full:
                    return


def _numbered(passages: Sequence[Passage]) -> list[Passage]:
    return [replace(passage, rank=rank) for rank, passage in enumerate(passages, start=1)]


def _step(options: SearchOptions) -> int:
    leaves_out = options.distinct or options.per_document is not None
    return options.limit + (_SPARE_PASSAGES if leaves_out else 0)


async def _read(chunks: Chunks, scope: AccessScope, pinned: PinnedVersion, ranked: Ranked) -> list[Passage]:
    """Return those of the chunks that are shown, with their scores."""
    ids = [candidate.chunk_id for candidate, _ in ranked]
    found = await chunks.passages(scope, pinned.corpus.id, pinned.number, ids)
    return [
        replace(
            found[candidate.chunk_id],
            score=score,
            dense_score=candidate.dense_score,
            sparse_score=candidate.sparse_score,
        )
        for candidate, score in ranked
        if candidate.chunk_id in found
    ]
