"""Passages that hold to the letter what a question quotes or names come first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.exact_terms import ExactTerms, folded, holds
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.searching.options import SearchOptions

_BEST_OF_A_NAME = 3
"""A name that many passages hold says little about which of them answers."""

_MOST_CHUNKS_READ = 100_000
"""Reading a text takes a microsecond or two."""
_MOST_FOUND = 50


class ExactMatches:
    """Looks in all texts for phrases that nothing found so far holds, in a corpus that is not too large for it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        passages: Sequence[Passage],
        terms: ExactTerms,
        options: SearchOptions,
    ) -> list[Passage]:
        """Return the passages, best first, and others with a quoted phrase, in the order of `exact_first`."""
        read = [_read(passage) for passage in passages]
        missing = [phrase for phrase in terms.phrases if not any(holds(phrase, text) for text in read)]
        others = await self._containing(scope, pinned, missing, options) if missing else []
        return exact_first([*passages, *others], terms)

    async def _containing(
        self, scope: AccessScope, pinned: PinnedVersion, phrases: Sequence[str], options: SearchOptions
    ) -> list[Passage]:
        found: dict[str, Passage] = {}
        async with self._catalog.reading() as tx:
            version = await tx.versions.get(scope, pinned.corpus.id, pinned.number)
            if version.chunk_count > _MOST_CHUNKS_READ:
                return []
            for phrase in phrases:
                some = await tx.chunks.containing(scope, pinned, phrase.split(), limit=_MOST_FOUND)
                found |= {passage.chunk_id: passage for passage in some if holds(phrase, _read(passage))}
            if options.filters is not None:
                ids = [passage.chunk_id for passage in found.values()]
                passed = await tx.chunks.matching(scope, pinned.corpus.id, pinned.number, ids, options.filters)
                found = {chunk_id: found[chunk_id] for chunk_id in found if chunk_id in passed}
        among = options.documents
        return [passage for passage in found.values() if among is None or passage.document_id in among]


def exact_first(passages: Sequence[Passage], terms: ExactTerms) -> list[Passage]:
    """Return the passages, those with most of the terms before the others and as good as the best, else as they were.

    Phrases count before names, and of those that hold a name only the best.
    """
    texts = [_read(passage) for passage in passages]
    phrases = Counter(place for phrase in terms.phrases for place, text in enumerate(texts) if holds(phrase, text))
    names: Counter[int] = Counter()
    for pattern in terms.identifiers:
        names.update([place for place, text in enumerate(texts) if pattern.search(text)][:_BEST_OF_A_NAME])
    places = sorted(range(len(passages)), key=lambda place: (-phrases[place], -names[place]))
    top = max((passage.score for passage in passages), default=0.0)
    return [
        replace(passages[place], score=top) if phrases[place] or names[place] else passages[place] for place in places
    ]


def _read(passage: Passage) -> str:
    return folded(" ".join((*passage.headings, passage.text)))
