"""The law of all parsers: what stands in a document is read once, in order, into blocks that keep the rules."""

import itertools
import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.media_types import ENDINGS, MediaType
from rag_service.domain.documents import BlockKind, ParsedDocument
from tests.unit.ingestion.document_writers import WRITERS, Document, Part
from tests.unit.ingestion.parsing_values import read

WORD = re.compile(r"\bq\d+z\b")
SHAPES = {
    "heading": (1, 1, 3),
    "paragraph": (1, 1, 8),
    "list": (1, 4, 4),
    "table": (2, 4, 3),
}  # rows from, to; words to


@st.composite
def documents(draw: st.DrawFn) -> Document:
    words = (f"q{number}z" for number in itertools.count())
    parts = []
    for kind in ["paragraph", *draw(st.lists(st.sampled_from(sorted(SHAPES)), max_size=6))]:
        fewest, most, wide = SHAPES[kind]
        count = draw(st.integers(fewest, most))
        width = draw(st.integers(2 if kind == "table" else 1, wide))
        parts.append(Part(kind, tuple(tuple(itertools.islice(words, width)) for _ in range(count))))
    return parts


def broken_rules(document: ParsedDocument) -> list[str]:
    ends = [0, *(block.span.end for block in document.blocks)]
    rules = {
        "NFC": unicodedata.is_normalized("NFC", document.text),
        "in order": all(block.span.start >= end for block, end in zip(document.blocks, ends, strict=False)),
        "within": ends[-1] <= len(document.text),
        "nothing between": all(
            not document.text[end : block.span.start].strip() for block, end in zip(document.blocks, ends, strict=False)
        ),
    }
    return [rule for rule, kept in rules.items() if not kept]


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents())
def test_every_word_is_read_once_and_in_order(name: str, document: Document) -> None:
    found = read(WRITERS[name](document), name, ParsingLimits())

    assert WORD.findall(found.text) == [word for part in document for row in part.rows for word in row]
    assert (broken_rules(found), found.warnings) == ([], ())


@pytest.mark.parametrize(
    "name", ["a.md", "a.rst", "a.html", "a.xml", "a.epub", "a.rtf", "a.odt", "a.docx", "a.pptx", "a.xlsx"]
)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents())
def test_every_table_is_a_block_with_a_line_per_row(name: str, document: Document) -> None:
    found = read(WRITERS[name](document), name, ParsingLimits())

    lines = {
        line
        for block in found.blocks
        if block.kind is BlockKind.TABLE
        for line in block.span.of(found.text).split("\n")
    }
    assert {" | ".join(row) for part in document if part.kind == "table" for row in part.rows} <= lines


def test_there_is_a_writer_for_every_format_but_those_with_laws_of_their_own() -> None:
    written = {ENDINGS[name.removeprefix("a")] for name in WRITERS}

    assert set(MediaType) - written == {MediaType.PDF, MediaType.ROW, MediaType.ORG}
