"""Canonical text: clean, normalised, with exact blocks."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.canonical import MAX_WARNINGS, CanonicalBuilder
from ingestion.parsing.cleaning import clean
from rag_service.domain.documents import BlockKind
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

ANY_TEXT = st.text(st.characters(), max_size=80)


@given(st.lists(st.tuples(ANY_TEXT, st.sampled_from(BlockKind)), max_size=8))
def test_blocks_never_overlap_and_cover_all_but_white_space(parts: list[tuple[str, BlockKind]]) -> None:
    builder = CanonicalBuilder(max_chars=10_000)
    for text, kind in parts:
        builder.add("x" + text, kind)
    if not parts:
        return

    document = builder.build()

    places = [block.span for block in document.blocks]
    assert all(before.end < after.start for before, after in pairwise(places))
    assert "".join("".join(span.of(document.text).split()) for span in places) == "".join(document.text.split())
    assert unicodedata.is_normalized("NFC", document.text)
    assert document.text.encode("utf-8")


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("pass\u00adword", "password"),
        ("a\u200bb\u2060c\ufeffd", "abcd"),
        ("left\u202eright\u2066x", "leftrightx"),
        ("hi\U000e0068\U000e0069", "hi"),
        ("a\u200db", "ab"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("नमस्\u200dते", "नमस्\u200dते"),
        ("e\u0301", "é"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("nul\x00l", "null"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a" + "\u0301" * 1000, "á" + "\u0301" * 29),
    ],
)
def test_what_readers_cannot_see_goes_and_what_they_see_stays(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected


def test_a_document_of_white_space_has_no_text() -> None:
    builder = CanonicalBuilder(max_chars=100)
    builder.add(" \u200b\n\u3000")

    with pytest.raises(DocumentRejected) as caught:
        builder.build()

    assert caught.value.reason is ReasonCode.NO_TEXT


def test_more_text_than_the_limit_is_refused() -> None:
    builder = CanonicalBuilder(max_chars=10)

    with pytest.raises(DocumentRejected) as caught:
        builder.add("eleven chars")

    assert caught.value.reason is ReasonCode.TOO_LARGE


def test_the_first_heading_is_the_title_of_a_document_without_one() -> None:
    builder = CanonicalBuilder(max_chars=100)
    builder.add("Chapter\none", BlockKind.HEADING, level=1)

    assert builder.build().title == "Chapter one"


def test_an_included_document_keeps_its_spans_and_goes_down() -> None:
    inner, outer = CanonicalBuilder(max_chars=100), CanonicalBuilder(max_chars=100)
    inner.add("Inner", BlockKind.HEADING, level=6)
    inner.add("words", page=3, bbox=(1, 2, 3, 4))
    inner.warn("odd")
    outer.add("Outer", BlockKind.HEADING, level=1)

    outer.include(inner.build(page_count=3), under=1, name="in.txt")
    document = outer.build()

    assert document.text == "Outer\n\nInner\n\nwords"
    assert [block.span.of(document.text) for block in document.blocks] == ["Outer", "Inner", "words"]
    assert [(block.level, block.page, block.bbox) for block in document.blocks[1:]] == [
        (6, None, None),
        (None, None, None),
    ]
    assert document.warnings == ("in.txt: odd",)


def test_an_included_document_over_the_limit_is_refused() -> None:
    inner, outer = CanonicalBuilder(max_chars=100), CanonicalBuilder(max_chars=10)
    inner.add("eleven chars")

    with pytest.raises(DocumentRejected) as caught:
        outer.include(inner.build(), under=1, name="in.txt")

    assert caught.value.reason is ReasonCode.TOO_LARGE


def test_of_very_many_warnings_the_first_are_kept_and_the_rest_counted() -> None:
    builder = CanonicalBuilder(max_chars=1000)
    builder.add("Words.")

    builder.warn(*(f"warning {number // 2}" for number in range(2 * (MAX_WARNINGS + 7))))

    warnings = builder.build().warnings
    assert warnings[:2] == ("warning 0", "warning 1")
    assert (len(warnings), warnings[-1]) == (MAX_WARNINGS + 1, "14 more warnings")
