import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.answers import cite
from rag_service.domain.documents import page_at
from rag_service.domain.spans import Span, sha256_of
from tests.values import passage


@given(st.text(), st.data())
def test_a_span_covers_the_characters_it_was_made_for(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    assert Span(start, end).of(text) == text[start:end]
    assert len(Span(start, end)) == end - start


def test_a_span_cannot_end_before_it_starts():
    with pytest.raises(ValueError, match="not a span"):
        Span(3, 2)


@pytest.mark.parametrize(("offset", "page"), [(0, 1), (9, 1), (10, 2), (99, 4)])
def test_the_page_of_an_offset_is_the_last_one_that_began(offset, page):
    assert page_at(((0, 1), (10, 2), (20, 4)), offset) == page


def test_formats_without_pages_have_none():
    assert page_at((), 5) is None


def test_a_citation_points_into_the_canonical_text_and_carries_the_hash_of_its_quote():
    found = passage("Rollo led the Norse. He was baptised.", start=100, page_starts=((90, 7), (121, 8)))

    citation = cite(found, Span(21, 37), answer_span=Span(0, 5), support=1.0)

    assert citation.quote == "He was baptised."
    assert citation.quote_span == Span(121, 137)
    assert citation.page == 8
    assert citation.quote_sha256 == sha256_of("He was baptised.")
