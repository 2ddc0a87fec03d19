"""Each line of a table knows its row in the source, in blocks and in chunks."""

import io
import re
import string
from collections.abc import Callable

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.chunking.chunker import Chunker
from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.isolation.wire import frame, pack_document, unframe, unpack_document
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.xlsx import parse_xlsx
from ingestion.parsing.records.csv_table import parse_csv
from ingestion.parsing.records.tables import TableWriter
from rag_service.domain.documents import BlockKind, Chunk, ParsedDocument
from rag_service.domain.ids import DocumentId, Fingerprint
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows, location_of
from rag_service.settings import ChunkingSettings
from tests.unit.ingestion.parsing_values import read, zipped

LIMITS = ParsingLimits()


def xlsx(fill: Callable[[openpyxl.Workbook], None]) -> ParsedDocument:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(buffer)
    return parse_xlsx(buffer, LIMITS)


def csv(text: str) -> ParsedDocument:
    return parse_csv(io.BytesIO(text.encode()), LIMITS)


def places(document: ParsedDocument) -> dict[str, str | None]:
    """Return the location of each line that is in a table."""
    return {
        line.group(): location_of(rows, Span(*line.span()), text=document.text, page=block.page)
        for block in document.blocks
        if (rows := block.table_rows)
        for line in re.compile(r".+").finditer(document.text, block.span.start, block.span.end)
    }


def chunks(document: ParsedDocument, *, target: int, overlap: int = 0) -> list[Chunk]:
    chunker = Chunker(
        settings=ChunkingSettings(target_tokens=target, overlap_tokens=overlap),
        count_tokens=lambda text: len(re.findall(r"\w+|[^\w\s]", text)),
        max_tokens=100,
    )
    return chunker.chunks(document, build=Fingerprint("b"), document_id=DocumentId("d"), revision=1)


def two_sheets(book: openpyxl.Workbook) -> None:
    prices, towns = book.active, book.create_sheet("Towns in 2024")
    prices.title = "Prices"
    for place, value in {"B3": "Report", "B5": "group", "D5": "price", "B6": "tea", "D6": 3, "D7": 4}.items():
        prices[place] = value
    prices.merge_cells("B6:B7")
    towns["A1"], towns["B1"], towns["A3"], towns["B3"] = "Paris", 2, "Rome", 3


def test_rows_of_sheets_know_their_cells() -> None:
    assert places(xlsx(two_sheets)) == {
        "Report": "Prices!B3",
        "group | price": "Prices!B5:D5",
        "tea | 3": "Prices!B6:D6",
        "tea | 4": "Prices!B7:D7",
        "Paris | 2": "'Towns in 2024'!A1:B1",
        "Rome | 3": "'Towns in 2024'!A3:B3",
    }


def test_the_names_of_sheets_and_comments_are_in_no_row() -> None:
    document = xlsx(two_sheets)

    assert [block.table_rows for block in document.blocks if block.kind is BlockKind.HEADING] == [(), ()]


def test_a_column_of_cells_names_each() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active["C2"], book.active["C3"] = "tea", "milk"

    assert places(xlsx(fill)) == {"tea": "Sheet!C2", "milk": "Sheet!C3"}


def test_records_of_a_csv_are_rows_whatever_stands_in_quotes_and_empty_ones_count() -> None:
    document = csv('Sales\nname,note\n"tea","two\nlines"\n\n,\nmilk,x\n')

    assert places(document) == {
        "Sales": "row 1",
        "name | note": "row 2",
        "tea | two lines": "row 3",
        "milk | x": "row 6",
    }


def test_a_row_of_characters_nobody_sees_moves_no_other() -> None:
    assert places(csv("\u200b,\u200b\na,b\n\u200b\u200b,\nc,d\n")) == {
        " |": "row 1",
        "a | b": "row 2",
        "c | d": "row 4",
    }
    assert places(csv("\u200b\n\u200b\na\nb\n")) == {"a": "row 3", "b": "row 4"}


def test_tables_of_other_formats_are_counted() -> None:
    page = b"<p>x</p><table><tr><th>a<th>b<tr><td>1<td>2</table><table><tr><td>c<td>d<tr><td><td><tr><td>e<td>f</table>"

    assert places(read(page, "a.html")) == {
        "a | b": "table 1, row 1",
        "1 | 2": "table 1, row 2",
        "c | d": "table 2, row 1",
        "e | f": "table 2, row 2",
    }


def test_tables_in_a_format_with_pages_are_counted_on_each() -> None:
    builder = CanonicalBuilder(max_chars=1000)

    assert [builder.next_table(page) for page in (1, 1, 2, None)] == ["table 1", "table 2", "table 1", "table 1"]


def test_tables_of_an_rtf_are_counted() -> None:
    row = r"\trowd\intbl %s\cell %s\cell\row"
    rtf = rf"{{\rtf1 {row % ('a', 'b')}{row % ('1', '2')}\pard between\par {row % ('c', 'd')}}}"

    assert places(read(rtf, "a.rtf")) == {
        "a | b": "table 1, row 1",
        "1 | 2": "table 1, row 2",
        "c | d": "table 2, row 1",
    }


def test_tables_in_an_archive_are_known_by_their_file() -> None:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    book.active["B2"], book.active["C2"] = "tea", 3
    book.save(buffer)

    document = read(
        zipped({"p.csv": "a,b\n1,2", "t.md": "| c | d |\n|---|---|\n", "x.xlsx": buffer.getvalue()}), "a.zip"
    )

    assert places(document) == {
        "a | b": "p.csv, row 1",
        "1 | 2": "p.csv, row 2",
        "c | d": "t.md, table 1, row 1",
        "tea | 3": "'[x.xlsx]Sheet'!B2:C2",
    }


def test_a_quote_in_a_later_chunk_under_the_repeated_header_names_its_row() -> None:
    document = csv("name,price\n" + "".join(f"tea {number},{number}\n" for number in range(2, 60)))

    later = next(chunk for chunk in chunks(document, target=40) if "tea 50 | 50" in chunk.text)

    start = later.span.start + later.text.index("tea 50")
    quote = Span(start, start + len("tea 50 | 50"))
    assert later.headings == ("name | price",)
    assert location_of(later.table_rows, quote, text=later.text, offset=later.span.start) == "row 50"


def test_a_chunk_in_the_middle_of_a_row_is_in_that_row() -> None:
    document = csv("a,b\nc," + "word " * 90 + "\n")

    assert [chunk.table_rows[-1].row for chunk in chunks(document, target=32)] == [1, 2, 2, 2]


CELLS = st.text(st.sampled_from(string.ascii_lowercase + " \u200b\n\u2028"), max_size=8)
TABLES = st.lists(st.lists(CELLS, max_size=4), min_size=1, max_size=12)


def written(table: list[list[str]], *, gaps_part: bool) -> ParsedDocument:
    builder = CanonicalBuilder(max_chars=100_000)
    builder.add("Before.")
    writer = TableWriter(builder, LIMITS, gaps_part=gaps_part, name="S", columns=range(1, 5))
    for number, row in enumerate(table, start=1):
        cells = [" ".join(cell.split()) for cell in row]
        writer.add([f"{number} {cell}" if cell.strip("\u200b ") else cell for cell in cells])
    writer.close()
    return builder.build()


def lines_of(rows: TableRows, document: ParsedDocument) -> list[tuple[int, str]]:
    lines = rows.span.of(document.text).split("\n")
    return list(enumerate(lines, start=rows.row))


@settings(max_examples=150, deadline=None)
@given(TABLES, st.booleans(), st.sampled_from([0, 6]), st.integers(32, 40))
def test_every_row_lies_in_its_block_and_in_its_chunks_and_says_its_own_number(
    table: list[list[str]], gaps_part: bool, overlap: int, target: int
) -> None:
    document = written(table, gaps_part=gaps_part)

    for block in document.blocks:
        ends = [block.span.start, *(rows.span.end for rows in block.table_rows)]
        assert all(rows.span.start >= end for rows, end in zip(block.table_rows, ends, strict=False))
        assert ends[-1] <= block.span.end
        for number, line in (numbered for rows in block.table_rows for numbered in lines_of(rows, document)):
            assert all(cell.split()[:1] in ([], [str(number)]) for cell in line.split("|"))
    for chunk in chunks(document, target=target, overlap=overlap):
        for rows in chunk.table_rows:
            assert chunk.span.start <= rows.span.start < rows.span.end <= chunk.span.end
            [whole] = [
                one
                for block in document.blocks
                for one in block.table_rows
                if one.span.start <= rows.span.start and rows.span.end <= one.span.end
            ]
            assert rows.row == whole.row_at(rows.span.start, document.text)


def test_rows_come_whole_through_the_pipe_of_the_parser() -> None:
    document = xlsx(two_sheets)

    assert unpack_document(unframe(frame(pack_document(document))[4:])) == document


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 99, 1, None, None]],
        [[3, 5, 1, None, None], [0, 2, 1, None, None]],
        [["x"]],
        [[0, 5, "1", None, None]],
        [[0, 5, 1, 7, None]],
        [[0, 5, 1, "x" * 9999, None]],
        [[0, 5, 1, "S", [0, 1]]],
    ],
)
def test_rows_outside_of_their_block_are_refused(rows: list[list[object]]) -> None:
    values = pack_document(csv("a,b\nc,d\n"))
    [[*block, _]] = values["blocks"]

    with pytest.raises((ValueError, TypeError)):
        unpack_document({**values, "blocks": [[*block, rows]]})
