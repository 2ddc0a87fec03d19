"""What a source view shows: every character once, the quote and nothing else marked."""

from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.spans import Span
from rag_service.web.highlights import View, clamp, view_around


def parsed(text: str, *spans: tuple[int, int], page: int | None = None) -> ParsedDocument:
    blocks = tuple(Block(span=Span(*span), kind=BlockKind.PARAGRAPH, page=page) for span in spans)
    return ParsedDocument(text=text, blocks=blocks)


def shown(view: View) -> str:
    return "".join(segment.text for block in view.blocks for segment in block.segments)


def quoted(view: View) -> str:
    return "".join(segment.text for block in view.blocks for segment in block.segments if segment.quoted)


@given(st.text(alphabet="ab🚗é", min_size=1, max_size=60), st.data())
def test_the_marked_text_is_exactly_the_quote(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    cut = data.draw(st.integers(0, len(text)))
    margin = data.draw(st.integers(0, 70))

    view = view_around(parsed(text, (0, cut), (cut, len(text))), Span(start, end), margin=margin)

    assert quoted(view) == text[start:end]
    assert shown(view) == text[max(0, start - margin) : end + margin]


def test_text_that_no_block_covers_is_shown_too() -> None:
    view = view_around(parsed("one two three", (0, 3)), Span(4, 7), margin=100)

    assert quoted(view) == "two"


def test_a_page_number_stands_where_its_page_begins() -> None:
    view = view_around(parsed("one two", (0, 3), (4, 7), page=2), Span(0, 0), margin=100)

    assert [block.new_page for block in view.blocks] == [2, None]


@given(st.integers(-5, 20), st.integers(-5, 20))
def test_any_offsets_become_a_span_of_the_text(start: int, end: int) -> None:
    span = clamp(start, end, 10)

    assert 0 <= span.start <= span.end <= 10
