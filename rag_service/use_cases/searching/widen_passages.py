"""Passages with what stands before and after them in their document."""

from collections.abc import Sequence
from dataclasses import replace

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.documents import Chunk, page_at
from rag_service.domain.spans import Span
from rag_service.domain.versions import Member, PinnedVersion
from rag_service.ports.catalog import Chunks


async def widened(
    chunks: Chunks, scope: AccessScope, pinned: PinnedVersion, passages: Sequence[Passage], *, reach: int
) -> list[Passage]:
    """Return the passages, each with up to `reach` chunks before and after it where no other passage is in between.

    No character is in two passages because of this, and `span` is the place of the longer text: citations resolve.
    """
    ids = [passage.chunk_id for passage in passages]
    around = await chunks.around(scope, pinned.corpus.id, pinned.number, ids, reach)
    taken = {place: passage.span for place, passage in enumerate(passages)}
    for place, passage in enumerate(passages):
        others = [taken[at] for at, other in enumerate(passages) if at != place and _member(other) == _member(passage)]
        taken[place] = _free_span(passage.span, around.get(passage.chunk_id, ()), others)
    longer = {_member(passage) for place, passage in enumerate(passages) if taken[place] != passage.span}
    texts = await chunks.texts(scope, list(longer)) if longer else {}
    return [
        _wider(passage, taken[place], texts[_member(passage)], around[passage.chunk_id])
        if taken[place] != passage.span and _member(passage) in texts
        else passage
        for place, passage in enumerate(passages)
    ]


def _member(passage: Passage) -> Member:
    return Member(document_id=passage.document_id, revision=passage.revision)


def _free_span(own: Span, around: Sequence[Chunk], others: Sequence[Span]) -> Span:
    """Return from the first to the last of the chunks around, as far as no other passage lies in between."""
    first = min((chunk.span.start for chunk in around), default=own.start)
    last = max((chunk.span.end for chunk in around), default=own.end)
    before = max((other.end for other in others if other.start < own.start), default=0)
    after = min((other.start for other in others if other.start >= own.start), default=last)
    return Span(min(own.start, max(first, before)), max(own.end, min(last, after)))


def _wider(passage: Passage, free: Span, text: str, around: Sequence[Chunk]) -> Passage:
    found = free.of(text)
    start = free.start + len(found) - len(found.lstrip())
    span = Span(min(start, passage.span.start), max(free.start + len(found.rstrip()), passage.span.end))
    rows = dict.fromkeys(one for chunk in around for one in chunk.table_rows)
    return replace(
        passage,
        span=span,
        text=span.of(text),
        page_starts=_page_starts(span, around),
        table_rows=tuple(one for one in rows if span.start <= one.span.start < span.end),
    )


def _page_starts(span: Span, around: Sequence[Chunk]) -> tuple[tuple[int, int], ...]:
    pairs = tuple(sorted({pair for chunk in around for pair in chunk.page_starts}))
    first = page_at(pairs, span.start)
    starts = [] if first is None else [(span.start, first)]
    for offset, page in pairs:
        if span.start < offset < span.end and (not starts or starts[-1][1] != page):
            starts.append((offset, page))
    return tuple(starts)
