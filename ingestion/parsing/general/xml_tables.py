"""Tables of XML, written as in HTML or by the CALS model, as plain rows of HTML."""

import html
from collections.abc import Iterator
from typing import Any, Final

from ingestion.parsing.general.xml_text import whole_text
from ingestion.parsing.markup.html_nodes import parsed
from ingestion.parsing.markup.html_tables import table_rows
from ingestion.parsing.office.xml_parts import local

_ROWS: Final = frozenset({"tr", "row"})
_CELLS: Final = frozenset({"td", "th", "entry"})
_GROUPS: Final = frozenset({"thead", "tbody", "tfoot", "tgroup"})


def holds_rows(table: Any) -> bool:
    """Say whether there is a row in an element that is called a table."""
    return next(_rows(table), None) is not None


def table_of(table: Any) -> str:
    """Return a table without merged cells, for unstructured does not know them: what spans rows stands in each."""
    spanning = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in _rows(table))
    tree = parsed(f"<table>{spanning}</table>").css_first("table")
    rows = table_rows(tree) if tree is not None else ()
    plain = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{plain}</table>"


def _rows(element: Any) -> Iterator[Any]:
    for child in element:
        if local(child) in _ROWS:
            yield child
        elif local(child) in _GROUPS:
            yield from _rows(child)


def _cell(cell: Any) -> str:
    if local(cell) not in _CELLS:
        return ""
    asides: list[Any] = []
    said = [whole_text(cell, asides)]
    # Appended to while it is gone through: a list in a cell may hold another.
    said += [whole_text(aside, asides) for aside in asides]
    more = cell.get("morerows", "")
    rows = str(int(more) + 1) if more.isdecimal() and len(more) < 4 else cell.get("rowspan", "1")  # noqa: PLR2004
    spans = f'rowspan="{html.escape(rows)}" colspan="{html.escape(cell.get("colspan", "1"))}"'
    return f"<td {spans}>{html.escape(' '.join(said))}</td>"
