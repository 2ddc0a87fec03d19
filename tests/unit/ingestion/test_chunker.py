"""Chunks: exact offsets, nothing lost, nothing too long, no character broken."""

import re

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.chunking.chunker import Chunker
from ingestion.parsing.canonical import CanonicalBuilder
from rag_service.domain.documents import BlockKind, Chunk, ParsedDocument, embedded_text
from rag_service.domain.ids import DocumentId, Fingerprint
from rag_service.domain.spans import sha256_of
from rag_service.settings import ChunkingSettings
from tests.unit.ingestion.work import lines_in

MAX_TOKENS = 64


def count(text: str) -> int:
    return len(re.findall(r"\w{1,6}|[^\w\s]", text))


def document(*parts: tuple[BlockKind, str, int | None]) -> ParsedDocument:
    builder = CanonicalBuilder(max_chars=10_000_000)
    for kind, text, level in parts:
        builder.add(text, kind, level=level)
    return builder.build()


def heading(text: str, level: int = 1) -> tuple[BlockKind, str, int | None]:
    return (BlockKind.HEADING, text, level)


def paragraph(text: str) -> tuple[BlockKind, str, int | None]:
    return (BlockKind.PARAGRAPH, text, None)


def cut(parsed: ParsedDocument, *, target: int = 40, overlap: int = 0, prefix: bool = True) -> list[Chunk]:
    sizes = ChunkingSettings(target_tokens=target, overlap_tokens=overlap, heading_prefix=prefix)
    chunker = Chunker(settings=sizes, count_tokens=count, max_tokens=MAX_TOKENS)
    return chunker.chunks(parsed, build=Fingerprint("b"), document_id=DocumentId("d"), revision=1)


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300) | st.lists(
    st.sampled_from(["word", "Satz.", "東京は首都。", "👩‍🔬", "नमस्ते", "a" * 90, "e\u0301", "\n\n", "مرحبا", "Is it? "]),
    max_size=120,
).map(" ".join)
BLOCKS = st.tuples(st.sampled_from(BlockKind), TEXTS, st.integers(1, 4))


@settings(max_examples=150, deadline=None)
@given(st.lists(BLOCKS, min_size=1, max_size=8), st.sampled_from([0, 8]), st.booleans())
def test_chunks_are_exact_slices_that_lose_nothing_and_fit_the_model(
    parts: list[tuple[BlockKind, str, int]], overlap: int, prefix: bool
) -> None:
    parsed = document(paragraph("Start."), *parts)
    cuts = {found.end() for found in regex.finditer(r"\X", parsed.text)} | {0}

    chunks = cut(parsed, overlap=overlap, prefix=prefix)

    covered = set().union(*(range(chunk.span.start, chunk.span.end) for chunk in chunks))
    named = {text for chunk in chunks for text in chunk.headings}
    for block in parsed.blocks:
        if block.span.of(parsed.text) in named:
            covered |= set(range(block.span.start, block.span.end))
    assert [place for place, char in enumerate(parsed.text) if not char.isspace() and place not in covered] == []
    assert [chunk.span for chunk in chunks] == sorted(chunk.span for chunk in chunks)
    for chunk in chunks:
        assert chunk.text == chunk.span.of(parsed.text)
        assert chunk.token_count <= MAX_TOKENS
        assert {chunk.span.start, chunk.span.end} <= cuts


def test_a_heading_above_one_of_two_sections_that_share_a_chunk_is_not_lost() -> None:
    chunks = cut(document(paragraph("Start."), heading("Outer"), heading("Inner", 2), heading("Next")))

    assert {"Outer", "Inner", "Next"} <= set(" ".join([*(chunk.text for chunk in chunks)]).split())


def test_a_short_row_is_one_chunk_under_its_title() -> None:
    [chunk] = cut(document(heading("Title"), paragraph("The text.")))

    assert (chunk.headings, chunk.text) == (("Title",), "The text.")
    assert chunk.embedded_sha256 == sha256_of(embedded_text(("Title",), "The text."))


def test_the_path_names_the_headings_above_a_section() -> None:
    long = "Words that make this section long enough to stand alone in a chunk of its own. " * 2
    parsed = document(heading("A"), heading("B", 2), paragraph(long), heading("C", 2), paragraph(long))

    assert [chunk.headings for chunk in cut(parsed)] == [("A", "B"), ("A", "C")]


def test_tiny_sections_share_a_chunk_under_their_common_heading() -> None:
    parsed = document(heading("A"), heading("B", 2), paragraph("One."), heading("C", 2), paragraph("Two."))

    [chunk] = cut(parsed)

    assert (chunk.headings, chunk.text) == (("A",), "B\n\nOne.\n\nC\n\nTwo.")


def test_a_heading_with_nothing_under_it_is_kept_as_text() -> None:
    assert [chunk.text for chunk in cut(document(heading("Only this")))] == ["Only this"]


def test_a_table_that_fits_is_not_cut() -> None:
    table = "\n".join(f"row {number} | value" for number in range(8))
    parsed = document(paragraph("Some words before it. " * 4), (BlockKind.TABLE, table, None))

    assert table in [chunk.text for chunk in cut(parsed)]


def test_a_long_table_is_cut_between_rows() -> None:
    rows = [f"row {number} | value" for number in range(40)]

    chunks = cut(document((BlockKind.TABLE, "\n".join(rows), None)))

    assert [row for chunk in chunks for row in chunk.text.split("\n")] == rows


def table(*rows: str) -> tuple[BlockKind, str, int | None]:
    return (BlockKind.TABLE, "\n".join(rows), None)


ROWS = [f"row {number} | value" for number in range(40)]


def test_every_later_chunk_of_a_table_is_under_its_first_row() -> None:
    first, *later = cut(document(heading("Prices"), table("name | price", *ROWS)))

    assert first.headings == ("Prices",) and first.text.startswith("name | price")
    assert {chunk.headings for chunk in later} == {("Prices", "name | price")}


def test_a_repeated_first_row_is_embedded_and_counted() -> None:
    *_, last = cut(document(table("name | price", *ROWS)))

    embedded = embedded_text(("name | price",), last.text)
    assert (last.embedded_sha256, last.token_count) == (sha256_of(embedded), count(embedded))


def test_text_behind_a_table_shares_a_chunk_with_its_end_within_the_budget() -> None:
    chunks = cut(document(table("name | price", *ROWS), paragraph("Prices hold until May.")))

    assert max(chunk.token_count for chunk in chunks) <= 40
    assert "Prices hold until May." in chunks[-1].text


def test_a_first_row_that_would_crowd_the_others_out_is_not_repeated() -> None:
    wide = " | ".join(f"column {number}" for number in range(9))

    _, *later = cut(document(table(wide, *ROWS)))

    assert {chunk.headings for chunk in later} == {()}


def test_a_row_too_long_to_stand_under_the_first_one_is_whole_without_it() -> None:
    long = "row | " + "word " * 36

    chunks = cut(document(table("name | of | the | price", *ROWS[:8], long.strip())))

    assert [chunk.headings for chunk in chunks if chunk.text == long.strip()] == [()]


def test_each_of_two_tables_repeats_its_own_first_row() -> None:
    chunks = cut(document(table("name | price", *ROWS), table("town | size", *ROWS)))

    later = [chunk.headings for chunk in chunks if chunk.text.startswith("row")]
    assert set(later) == {("name | price",), ("town | size",)}


def test_first_rows_are_not_repeated_where_texts_are_embedded_without_headings() -> None:
    assert {chunk.headings for chunk in cut(document(table("name | price", *ROWS)), prefix=False)} == {()}


def test_long_code_repeats_no_first_line() -> None:
    chunks = cut(document((BlockKind.CODE, "\n".join(ROWS), None)))

    assert len(chunks) > 1 and {chunk.headings for chunk in chunks} == {()}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab |", min_size=1, max_size=60), min_size=2, max_size=60), st.sampled_from([0, 8]))
def test_rows_of_any_table_are_in_order_and_fit_with_what_is_above_them(rows: list[str], overlap: int) -> None:
    parsed = document(heading("Title"), table("x", *rows))

    chunks = cut(parsed, overlap=overlap)

    assert all(count(embedded_text(chunk.headings, chunk.text)) <= 40 for chunk in chunks)
    assert all(chunk.text == chunk.span.of(parsed.text) for chunk in chunks)


def test_a_word_of_a_million_letters_is_cut_even_when_the_model_sees_one_token() -> None:
    parsed = document(paragraph("x" * 1_000_000))
    chunker = Chunker(settings=ChunkingSettings(), count_tokens=lambda text: 1, max_tokens=256)

    chunks = chunker.chunks(parsed, build=Fingerprint("b"), document_id=DocumentId("d"), revision=1)

    assert max(len(chunk.text) for chunk in chunks) < 2000


def test_page_starts_say_the_page_at_each_place() -> None:
    builder = CanonicalBuilder(max_chars=1000)
    builder.add("On the first page.", page=1)
    builder.add("On the second page.", page=2)

    [chunk] = cut(builder.build())

    assert chunk.page_starts == ((0, 1), (20, 2))


def test_a_heading_between_two_small_sections_is_in_their_chunk_and_nowhere_else() -> None:
    parsed = document(
        heading("Cars"), paragraph("They park."), heading("Bikes"), heading("Old ones", 2), paragraph("They rust.")
    )

    assert [chunk.text for chunk in cut(parsed)] == [parsed.text]


def test_twice_as_many_pages_are_twice_the_work() -> None:
    def work_of(page_count: int) -> int:
        builder = CanonicalBuilder(max_chars=10_000_000)
        for page in range(1, page_count + 1):
            builder.add(f"Page {page} says something. " * 10, page=page)
        parsed = builder.build()
        return lines_in(lambda: cut(parsed))

    assert work_of(400) < 2.2 * work_of(200)
