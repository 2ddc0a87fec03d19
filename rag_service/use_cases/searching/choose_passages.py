"""Which of the ranked chunks are shown, as the catalog has them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import Candidate
from rag_service.use_cases.searching.options import SearchOptions

_Found = tuple[Passage, Candidate, float]
"""A passage as the catalog has it, and how it was found: its candidate and the fused score."""

_SPARE_PASSAGES = 8
"""Read more than asked for at once where repetitions are left out. What is no longer granted is rare."""


class ChoosePassages:
    """Reads passages from the catalog, which checks the rights again."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        ranked: Sequence[tuple[Candidate, float]],
        options: SearchOptions,
    ) -> list[Passage]:
        """Read as many of the `ranked` chunks, best first, as are needed for what is wanted."""
        chosen: dict[str, _Found] = {}
        step = options.limit + (_SPARE_PASSAGES if options.distinct else 0)
        # What a version holds stays the same, and rights are live: no two looks have to see one state.
        async with self._catalog.glancing() as tx:
            for start in range(0, len(ranked), step):
                part = ranked[start : start + step]
                ids = [candidate.chunk_id for candidate, _ in part]
                found = await tx.chunks.passages(scope, pinned.corpus.id, pinned.number, ids)
                for candidate, score in part:
                    if passage := found.get(candidate.chunk_id):
                        wording = _wording(passage) if options.distinct else passage.chunk_id
                        chosen.setdefault(wording, (passage, candidate, score))
                if len(chosen) >= options.limit:
                    break
        return _scored(islice(chosen.values(), options.limit))


def _scored(best: Iterable[_Found]) -> list[Passage]:
    return [
        replace(
            passage,
            rank=rank,
            score=score,
            dense_score=candidate.dense_score,
            sparse_score=candidate.sparse_score,
        )
        for rank, (passage, candidate, score) in enumerate(best, start=1)
    ]


def _wording(passage: Passage) -> str:
    """Return what two passages share when one would only repeat the other."""
    return " ".join(passage.text.split())
