"""Spreadsheets and files of values: tables stay readable, and no file takes more than its share."""

import contextlib
import datetime as dt
import io
import random
import re
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.xlsx import parse_xlsx
from ingestion.parsing.records.csv_table import parse_csv
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.office_values import blocks, reason

SHEET_DATA = re.compile(rb"<sheetData>.*</sheetData>", re.DOTALL)
LIMITS = ParsingLimits(max_text_chars=300_000, max_pages=3)


def csv(content: str | bytes) -> ParsedDocument:
    return parse_csv(io.BytesIO(content.encode() if isinstance(content, str) else content), LIMITS)


def workbook(fill: Callable[[openpyxl.Workbook], None]) -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(buffer)
    return buffer.getvalue()


def cells(**values: object) -> bytes:
    def fill(book: openpyxl.Workbook) -> None:
        for place, value in values.items():
            book.active[place] = value

    return workbook(fill)


def xlsx(content: bytes, limits: ParsingLimits = LIMITS) -> ParsedDocument:
    return parse_xlsx(io.BytesIO(content), limits)


def with_part(archive: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, change(old.read(entry)) if entry == name else old.read(entry))
    return buffer.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_finds_its_delimiter(delimiter: str) -> None:
    rows = [["name", "price"], ["tea, green", "1"], ["a;b", "2"], ["c|d", "3"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)

    assert csv(text).text == "name | price\ntea, green | 1\na;b | 2\nc|d | 3"


def test_csv_of_prices_with_decimal_commas_is_cut_at_semicolons() -> None:
    assert csv("name;price\ntea;1,50\nmilk;0,99\n").text == "name | price\ntea | 1,50\nmilk | 0,99"


def test_csv_of_one_column_of_phrases_is_not_cut_at_their_commas() -> None:
    text = "city\nParis\nBerlin, Mitte\nRome\nMadrid, Centro"

    assert blocks(csv(text)) == [(BlockKind.TABLE, text)]


def test_csv_of_one_column_of_quoted_phrases_is_not_cut_at_their_commas() -> None:
    assert csv('"a, b"\n"c, d"\n"e, f"').text == "a, b\nc, d\ne, f"


def test_csv_keeps_line_breaks_in_quotes_inside_their_row() -> None:
    assert csv('a,b\n"one\ntwo",2\n').text == "a | b\none two | 2"


def test_csv_of_rows_of_different_lengths_keeps_every_value() -> None:
    assert csv("a,b,c\n1,2\n1,2,3,4\n,,5\n").text == "a | b | c\n1 | 2\n1 | 2 | 3 | 4\n |  | 5"


def test_csv_without_its_empty_rows_and_columns() -> None:
    assert csv(",a,b,\n,,,\n,1,2,\n\n").text == "a | b\n1 | 2"


def test_a_line_above_the_header_of_a_csv_is_its_title() -> None:
    assert blocks(csv("Sales 2024\nname,price\ntea,1\n")) == [
        (BlockKind.PARAGRAPH, "Sales 2024"),
        (BlockKind.TABLE, "name | price\ntea | 1"),
    ]


@pytest.mark.parametrize("delimiter", ["^", "\t", ";"])
def test_csv_obeys_the_line_in_which_excel_names_the_delimiter(delimiter: str) -> None:
    assert csv(f"sep={delimiter}\r\na{delimiter}b\r\n1{delimiter}2").text == "a | b\n1 | 2"


@pytest.mark.parametrize("first", ['sep="', "sep=a", "sep=", "sep"])
def test_csv_that_only_begins_like_such_a_line_is_text(first: str) -> None:
    assert csv(f"{first}\nx\ny").text.endswith("\nx\ny")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_csv_in_any_encoding(encoding: str) -> None:
    assert csv("größe;preis\nÄpfel;1\n".encode(encoding)).text == "größe | preis\nÄpfel | 1"


def test_csv_with_the_line_ends_of_old_macs() -> None:
    assert csv("a,b\r1,2\r").text == "a | b\n1 | 2"


def test_formulas_in_a_csv_are_only_text() -> None:
    assert csv("a,b\n=cmd|' /C calc'!A0,@SUM(1)\n").text == "a | b\n=cmd|' /C calc'!A0 | @SUM(1)"


def test_a_quotation_mark_that_is_never_closed_does_not_swallow_the_rows_behind_it() -> None:
    document = csv('a,b\n1,"two\n' + "3,4\n" * 40_000)

    assert document.text.startswith('a | b\n1 | "two\n3 | 4\n3 | 4')
    assert document.warnings == ("quotation marks do not pair up: they were read as text",)


def test_a_quotation_mark_left_open_in_the_first_row_does_not_hide_the_delimiter() -> None:
    assert csv('a,"b\n' + "3,4\n" * 40_000).text.startswith('a | "b\n3 | 4')


def test_a_csv_of_nothing_but_delimiters_has_no_text() -> None:
    assert reason(lambda: csv(",,,\n,,,\n")) is ReasonCode.NO_TEXT


def test_a_csv_with_more_text_than_the_limit_is_too_large() -> None:
    assert reason(lambda: csv("a,b\n" + "long value,other value\n" * 20_000)) is ReasonCode.TOO_LARGE


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_are_read_as_csv_or_refused(seed: int) -> None:
    content = random.Random(seed).randbytes(2000)  # noqa: S311  (a seed, not a secret)

    with contextlib.suppress(DocumentRejected):
        csv(content)


def test_a_sheet_is_a_page_under_its_name() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.title = "Prices"
        book.active.append(["name", "price"])
        book.active.append(["tea", 3])
        book.create_sheet("Empty")
        book.create_sheet("Towns").append(["Paris", 2])

    document = xlsx(workbook(fill))

    assert document.text == "Prices\n\nname | price\ntea | 3\n\nTowns\n\nParis | 2"
    assert [block.page for block in document.blocks] == [1, 1, 3, 3] and document.page_count == 3


def test_cells_read_as_the_sheet_shows_them() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        values = [3, 0.1 + 0.2, 1e20, True, dt.date(2024, 5, 1), dt.datetime(2024, 5, 1, 13, 30)]  # noqa: DTZ001
        book.active.append([*values, dt.time(9, 5), dt.timedelta(hours=30)])
        book.active.append([0.25, 0.125, 1, "two\nlines"])
        for place, shown in {"A2": "0%", "B2": "0.0%", "C2": '0.00"%"'}.items():
            book.active[place].number_format = shown

    assert blocks(xlsx(workbook(fill)))[1][1] == (
        "3 | 0.3 | 1e+20 | TRUE | 2024-05-01 | 2024-05-01 13:30 | 09:05 | 30:00:00\n25% | 12.5% | 1 | two lines"
    )


def test_a_formula_reads_as_the_value_saved_with_it() -> None:
    formula = cells(A1="sum", B1="=1+1")

    saved = with_part(
        formula,
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>"),
    )

    assert "sum | 2" in xlsx(saved).text


def test_empty_rows_part_tables_and_a_lone_cell_above_one_is_its_title() -> None:
    content = cells(B2="Report", B4="a", C4="b", B5=1, C5=2, D8="x", E8="y", D9=3, E9=4)

    assert blocks(xlsx(content))[1:] == [
        (BlockKind.PARAGRAPH, "Report"),
        (BlockKind.TABLE, "a | b\n1 | 2"),
        (BlockKind.TABLE, "x | y\n3 | 4"),
    ]


def test_columns_that_are_empty_throughout_are_left_out() -> None:
    assert "a | b\n1 | 2" in xlsx(cells(A1="a", ZZ1="b", A2=1, ZZ2=2)).text


def test_a_cell_merged_over_rows_is_beside_each_and_one_merged_over_columns_is_read_once() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for row in (["Group", None, "n"], ["North", "a", 1], [None, "b", 2], ["South", "c", 3]):
            book.active.append(row)
        book.active.merge_cells("A1:B1")
        book.active.merge_cells("A2:A3")

    assert "Group |  | n\nNorth | a | 1\nNorth | b | 2\nSouth | c | 3" in xlsx(workbook(fill)).text


def test_hidden_sheets_are_read_and_named() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active["A1"] = "seen"
        book.create_sheet("Rates")["A1"] = "behind"
        book["Rates"].sheet_state = "hidden"

    document = xlsx(workbook(fill))

    assert document.text.endswith("Rates\n\nbehind")
    assert document.warnings == ("hidden sheets were read too",)


def test_comments_and_titles_of_charts_are_read_after_the_cells() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for row in (["a", "b"], [1, 2]):
            book.active.append(row)
        book.active["B2"].comment = Comment("Is this right?", "Ann")
        chart = BarChart()
        chart.title = "Ducks by year"
        chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=2))
        book.active.add_chart(chart, "D4")

    assert [text for _, text in blocks(xlsx(workbook(fill)))[2:]] == [
        "Ducks by year",
        "Comment by Ann on B2: Is this right?",
    ]


def test_the_title_is_the_one_in_the_properties() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.properties.title = "Price list"
        book.active["A1"] = "tea"

    assert xlsx(workbook(fill)).title == "Price list"


def test_two_cells_in_opposite_corners_are_too_large_rather_than_the_end_of_the_process() -> None:
    assert reason(lambda: xlsx(cells(A1="a", XFD1048576="b"))) is ReasonCode.TOO_LARGE


def test_cells_that_do_not_say_where_they_are_cannot_hide_how_far_apart_they_lie() -> None:
    hidden = with_part(
        cells(A1="a", XFD1048576="b"),
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace(b'r="XFD1048576"', b"").replace(b'r="A1"', b'r="XFD1"'),
    )

    assert reason(lambda: xlsx(hidden)) is ReasonCode.TOO_LARGE


def test_styled_cells_without_a_value_take_no_room() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active["A1"] = "a"
        book.active["XFD1048576"].number_format = "0%"

    assert xlsx(workbook(fill)).text == "Sheet\n\na"


def test_a_workbook_of_more_sheets_than_pages_are_allowed_is_refused() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for _ in range(3):
            book.create_sheet()

    assert reason(lambda: xlsx(workbook(fill))) is ReasonCode.TOO_MANY_PAGES


def test_a_workbook_with_more_text_than_the_limit_is_too_large() -> None:
    limits = ParsingLimits(max_text_chars=50)

    assert reason(lambda: xlsx(cells(A1="word " * 10, A2="word " * 10), limits)) is ReasonCode.TOO_LARGE


def test_a_workbook_of_empty_sheets_has_no_text() -> None:
    assert reason(lambda: xlsx(cells())) is ReasonCode.NO_TEXT


def test_entities_in_a_workbook_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]>'

    evil = with_part(cells(A1="a"), "xl/workbook.xml", lambda part: bomb + part)

    assert reason(lambda: xlsx(evil)) is ReasonCode.ARCHIVE_BOMB


def test_a_sheet_that_unpacks_to_far_more_than_its_size_is_refused() -> None:
    bomb = with_part(cells(A1="a"), "xl/worksheets/sheet1.xml", lambda part: part + b" " * 3_000_000)

    assert reason(lambda: xlsx(bomb)) is ReasonCode.ARCHIVE_BOMB


@pytest.mark.parametrize("share", [number / 12 for number in range(12)])
def test_a_workbook_that_ends_early_is_damaged(share: float) -> None:
    content = cells(A1="a", B2=3)

    assert reason(lambda: xlsx(content[: int(len(content) * share)])) is ReasonCode.DAMAGED


@pytest.mark.parametrize("seed", range(30))
def test_a_workbook_with_broken_xml_is_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    content = cells(A1="a", B2=3, C3=0.5)
    name = chance.choice(
        [entry for entry in zipfile.ZipFile(io.BytesIO(content)).namelist() if entry != "docProps/app.xml"]
    )

    def broken(part: bytes) -> bytes:
        place = chance.randrange(len(part))
        return part[:place] + chance.choice([b"", b"<", b"&", b"9"]) + part[place + chance.randrange(40) :]

    with contextlib.suppress(DocumentRejected):
        xlsx(with_part(content, name, broken))


def test_a_quotation_mark_open_at_the_end_of_a_short_file_is_text() -> None:
    assert csv('a,b\n1,"two\n3,4\n5,6\n').text == 'a | b\n1 | "two\n3 | 4\n5 | 6'


def rows_of_xml(count: int) -> bytes:
    cell = '<c r="{0}{1}" t="inlineStr"><is><t>word {1}</t></is></c><c r="B{1}"><v>{1}</v></c>'
    rows = "".join(f'<row r="{number}">{cell.format("A", number)}</row>' for number in range(1, count + 1))
    return f"<sheetData>{rows}</sheetData>".encode()


@pytest.mark.slow
def test_a_workbook_of_200_000_rows_is_read() -> None:
    long = with_part(cells(A1="a"), "xl/worksheets/sheet1.xml", lambda part: SHEET_DATA.sub(rows_of_xml(200_000), part))

    document = xlsx(long, ParsingLimits())

    assert document.text.endswith("word 200000 | 200000") and document.text.count("\n") == 200_001


@pytest.mark.slow
def test_a_csv_of_a_million_rows_is_read_and_one_of_millions_is_too_large() -> None:
    rows = b"name,price\n" + b"".join(b"tea %d,%d\n" % (number, number) for number in range(1_000_000))

    document = parse_csv(io.BytesIO(rows), ParsingLimits())

    assert document.text.count("\n") == 1_000_000
    assert reason(lambda: parse_csv(io.BytesIO(rows * 2), ParsingLimits())) is ReasonCode.TOO_LARGE


def test_a_cell_merged_over_rows_that_tells_a_story_is_read_once() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["story " * 50, 1])
        book.active.append([None, 2])
        book.active.merge_cells("A1:A2")

    assert xlsx(workbook(fill)).text.count("story") == 50
