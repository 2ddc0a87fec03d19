"""Passages with their neighbours: exact places, and nothing twice."""

from collections.abc import Sequence
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage, cite
from rag_service.domain.documents import Chunk, page_at
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId
from rag_service.domain.spans import Span
from rag_service.domain.versions import Member, PinnedVersion
from rag_service.use_cases.searching.widen_passages import widened
from tests.unit.shelf import BUILD, CORPUS, READER
from tests.values import passage

TEXT = "".join(f"\n\nSection {number}\n\nIt says {number * 37} things. " for number in range(40)).strip()
PAGES = tuple((start, 1 + start // 100) for start in range(0, len(TEXT), 100))
PINNED = PinnedVersion(corpus=CORPUS, number=1, fingerprint=BUILD)


class Book:
    """Chunks of one text in one document, cut at these places, each going on into the next one."""

    def __init__(self, cuts: Sequence[int], overlap: int) -> None:
        starts = [0, *cuts]
        ends = [*cuts, len(TEXT)]
        self.chunks = [
            chunk(ordinal, Span(start, min(len(TEXT), end + overlap)))
            for ordinal, (start, end) in enumerate(zip(starts, ends, strict=True))
        ]

    async def around(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId], reach: int
    ) -> dict[ChunkId, Sequence[Chunk]]:
        places = {chunk_id: int(chunk_id) for chunk_id in chunk_ids}
        return {one: self.chunks[max(0, place - reach) : place + reach + 1] for one, place in places.items()}

    async def texts(self, scope: AccessScope, members: Sequence[Member]) -> dict[Member, str]:
        return dict.fromkeys(members, TEXT)


def chunk(ordinal: int, span: Span) -> Chunk:
    first = page_at(PAGES, span.start)
    later = tuple((start, page) for start, page in PAGES if span.start < start < span.end)
    return Chunk(
        id=ChunkId(f"{ordinal}"),
        document_id=DocumentId("doc"),
        revision=1,
        ordinal=ordinal,
        span=span,
        text=span.of(TEXT),
        headings=(),
        page_starts=((span.start, first or 0), *later),
        token_count=1,
        embedded_sha256="",
    )


def found(one: Chunk, rank: int) -> Passage:
    base = passage(one.text, rank=rank, start=one.span.start, page_starts=one.page_starts)
    return Passage(
        **{name: getattr(base, name) for name in base.__slots__} | {"chunk_id": one.id, "document_id": one.document_id}
    )


@st.composite
def books(draw: st.DrawFn) -> tuple[Book, list[Passage], int]:
    cuts = sorted(draw(st.sets(st.integers(1, len(TEXT) - 1), max_size=20)))
    book = Book(cuts, draw(st.sampled_from([0, 0, 15])))
    chosen = draw(st.lists(st.sampled_from(book.chunks), min_size=1, max_size=6, unique_by=lambda one: one.id))
    return book, [found(one, rank) for rank, one in enumerate(chosen, start=1)], draw(st.integers(1, 3))


@given(books())
async def test_a_widened_passage_is_the_text_at_its_place_and_its_page_is_right(
    made: tuple[Book, list[Passage], int],
) -> None:
    book, passages, reach = made

    wider = await widened(book, READER, PINNED, passages, reach=reach)  # type: ignore[arg-type]

    for before, after in zip(passages, wider, strict=True):
        assert after.text == after.span.of(TEXT)
        assert after.span.start <= before.span.start and before.span.end <= after.span.end
        assert after.page == page_at(PAGES, after.span.start)
        assert (after.rank, after.chunk_id) == (before.rank, before.chunk_id)


@given(books())
async def test_no_character_is_in_two_passages_that_was_not_before(made: tuple[Book, list[Passage], int]) -> None:
    book, passages, reach = made

    wider = await widened(book, READER, PINNED, passages, reach=reach)  # type: ignore[arg-type]

    for one, other in combinations(range(len(passages)), 2):
        assert shared(wider[one], wider[other]) == shared(passages[one], passages[other])


async def test_a_chunk_alone_is_widened_on_both_sides_and_cited_in_its_neighbour() -> None:
    book = Book([100, 200, 300, 400], 0)
    [wider] = await widened(book, READER, PINNED, [found(book.chunks[2], 1)], reach=1)  # type: ignore[arg-type]

    quote = Span(0, 7)
    citation = cite(wider, quote, answer_span=Span(0, 1), support=1.0)

    assert (wider.span.start, wider.span.end) == (
        100 + len(TEXT[100:400]) - len(TEXT[100:400].lstrip()),
        len(TEXT[:400].rstrip()),
    )
    assert citation.quote == citation.quote_span.of(TEXT)


def shared(one: Passage, other: Passage) -> int:
    return max(0, min(one.span.end, other.span.end) - max(one.span.start, other.span.start))
