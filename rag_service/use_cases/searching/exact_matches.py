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

FIRST = 3
"""One with the name among the first three is worth 0.001 nDCG@10 on SciFact; one at the top costs 0.007 there."""

_MOST_CHUNKS_READ = 50_000
"""Reading a text takes about three microseconds in SQLite, more in PostgreSQL."""
_MOST_LOOKED_FOR = 2
_MOST_FOUND = 1_000
"""Rows that hold the words in their order; which of them hold the phrase is seen afterwards."""


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
            for phrase in phrases[:_MOST_LOOKED_FOR]:
                some = await tx.chunks.containing(scope, pinned, phrase.split(), limit=_MOST_FOUND)
                found |= {passage.chunk_id: passage for passage in some if holds(phrase, _read(passage))}
            if options.filters is not None:
                ids = [passage.chunk_id for passage in found.values()]
                passed = await tx.chunks.matching(scope, pinned.corpus.id, pinned.number, ids, options.filters)
                found = {chunk_id: found[chunk_id] for chunk_id in found if chunk_id in passed}
        among = options.documents
        return [passage for passage in found.values() if among is None or passage.document_id in among]


def are_in_place(first: Sequence[Passage], terms: ExactTerms) -> bool:
    """Say whether nothing has to come forward when these passages are the first."""
    texts = [_read(passage) for passage in first]
    return not terms.phrases and all(any(name.search(text) for text in texts) for name in terms.identifiers)


def exact_first(passages: Sequence[Passage], terms: ExactTerms) -> list[Passage]:
    """Return the passages, those with most of the phrases first, and for each name one that holds it among the first.

    What comes forward is scored as well as what follows it.
    """
    texts = [_read(passage) for passage in passages]
    phrases = Counter(place for phrase in terms.phrases for place, text in enumerate(texts) if holds(phrase, text))
    places = sorted(_with_names(texts, terms), key=lambda place: -phrases[place])
    least = 0.0
    scored: list[Passage] = []
    for place in reversed(places):
        least = max(least, passages[place].score)
        scored.append(replace(passages[place], score=least))
    return scored[::-1]


def _with_names(texts: Sequence[str], terms: ExactTerms) -> list[int]:
    """Return the places, for each name that the first do not hold the best one that does moved up among them."""
    holders = [[place for place, text in enumerate(texts) if name.search(text)] for name in terms.identifiers]
    raised = list(dict.fromkeys(places[0] for places in holders if places and places[0] >= FIRST))[:FIRST]
    others = [place for place in range(len(texts)) if place not in raised]
    kept = FIRST - len(raised)
    return [*others[:kept], *raised, *others[kept:]]


def _read(passage: Passage) -> str:
    return folded(" ".join((*passage.headings, passage.text)))
