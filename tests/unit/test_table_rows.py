"""Where in a table a quote stands."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.answers import cite
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows, from_plain_values, location_of, plain_values
from tests.values import passage

TEXT = "Report\n\nname | price\ntea | 3\nmilk | 2"
SHEET = TableRows(span=Span(8, len(TEXT)), row=4, table="Prices", columns=(2, 3))
ROWS = TableRows(span=Span(8, len(TEXT)), row=1)


def place(quote: str, *rows: TableRows, page: int | None = None) -> str | None:
    start = TEXT.index(quote)
    return location_of(rows, Span(start, start + len(quote)), text=TEXT, page=page)


@pytest.mark.parametrize(
    ("quote", "location"),
    [
        ("name | price", "Prices!B4:C4"),
        ("milk | 2", "Prices!B6:C6"),
        ("3", "Prices!B5:C5"),
        ("tea | 3\nmilk", "Prices!B5:C6"),
        ("tea | 3\n", "Prices!B5:C5"),
        ("Report", None),
        ("Report\n\nname | price", None),
    ],
)
def test_a_quote_in_a_sheet_names_its_cells(quote: str, location: str | None) -> None:
    assert place(quote, SHEET) == location


@pytest.mark.parametrize(
    ("table", "page", "location"),
    [
        (None, None, "rows 2-3"),
        ("table 2", None, "table 2, rows 2-3"),
        ("table 2", 7, "page 7, table 2, rows 2-3"),
        ("a.zip, table 1", None, "a.zip, table 1, rows 2-3"),
    ],
)
def test_a_quote_in_another_table_names_page_table_and_rows(table: str | None, page: int | None, location: str) -> None:
    rows = TableRows(span=Span(8, len(TEXT)), row=1, table=table)

    assert place("tea | 3\nmilk", rows, page=page) == location


def test_a_quote_over_two_pieces_of_a_table_goes_from_the_first_to_the_last() -> None:
    before = TableRows(span=Span(8, 20), row=1, table="Prices", columns=(1, 2))
    after = TableRows(span=Span(21, len(TEXT)), row=7, table="Prices", columns=(1, 4))

    assert place("name | price\ntea | 3", before, after) == "Prices!A1:D7"


def test_a_quote_that_runs_into_another_table_names_the_one_it_begins_in() -> None:
    before, after = (
        TableRows(span=Span(8, 20), row=1, table="table 1"),
        TableRows(span=Span(21, 28), row=1, table="table 2"),
    )

    assert place("name | price\ntea | 3", before, after) == "table 1, row 1"


@pytest.mark.parametrize(
    ("sheet", "written"),
    [
        ("Prices", "Prices"),
        ("Übersicht_2024", "Übersicht_2024"),
        ("My prices", "'My prices'"),
        ("2024", "'2024'"),
        ("Q1", "'Q1'"),
        ("Ann's", "'Ann''s'"),
        ("[a.xlsx]Prices", "'[a.xlsx]Prices'"),
    ],
)
def test_a_sheet_that_could_be_read_as_something_else_is_quoted(sheet: str, written: str) -> None:
    rows = TableRows(span=Span(0, 1), row=1, table=sheet, columns=(1, 1))

    assert location_of([rows], Span(0, 1), text="x") == f"{written}!A1"


@pytest.mark.parametrize(
    ("column", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA"), (16_384, "XFD")]
)
def test_columns_are_counted_in_letters(column: int, letters: str) -> None:
    rows = TableRows(span=Span(0, 1), row=1, table="S", columns=(column, column))

    assert location_of([rows], Span(0, 1), text="x") == f"S!{letters}1"


def test_a_citation_counts_rows_within_its_passage() -> None:
    text = "tea | 3\nmilk | 2"
    rows = TableRows(span=Span(500, 516), row=41, table="Prices", columns=(1, 2))
    found = passage(text, start=500, page_starts=((0, 1),), table_rows=(rows,))

    citation = cite(found, Span(8, 16), answer_span=Span(0, 3), support=1.0)

    assert (citation.location, found.location) == ("Prices!A42:B42", "Prices!A41:B42")


COLUMNS = st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9))
ANY_ROWS = st.builds(
    TableRows,
    span=st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda ends: Span(min(ends), max(ends))),
    row=st.integers(1, 10**6),
    table=st.none() | st.text(),
    columns=COLUMNS,
)


@given(st.lists(ANY_ROWS, max_size=4))
def test_rows_come_back_from_json_as_they_were(rows: list[TableRows]) -> None:
    assert from_plain_values(json.loads(json.dumps(plain_values(rows)))) == tuple(rows)
