"""The tables of HTML as rows of cells; what spans several rows stands in each of them, for rows are found one by one."""

from collections.abc import Iterator
from typing import Final

from selectolax.lexbor import LexborNode

from ingestion.parsing.markup.html_nodes import BLOCKS, NEVER_SHOWN, events, is_hidden, number_of
from ingestion.parsing.records.tables import one_line, repeated_label

_CELLS: Final = frozenset({"td", "th"})
_MOST_SPANNED: Final = 100  # columns; cells further right span nothing


def table_rows(table: LexborNode) -> Iterator[list[str]]:
    """Yield the cells of each row that says something of its own."""
    held: dict[int, tuple[int, str]] = {}  # by column: how many more rows what stands there goes on for
    for row in table.css("tr"):
        shown = {column: text for column, (_, text) in held.items()}
        going_on = {column: (rows - 1, text) for column, (rows, text) in held.items() if rows > 1}
        says, column, width = False, 0, 0
        for cell in row.iter():
            if cell.tag not in _CELLS:
                continue
            while column in shown:
                column += 1
            text = _text(cell)
            says = says or bool(text)
            shown[column] = text
            columns, rows = max(1, number_of(cell, "colspan", 1)), number_of(cell, "rowspan", 1)
            if rows > 1:
                label = repeated_label(text) if columns == 1 else ""
                going_on |= dict.fromkeys(range(column, min(column + columns, _MOST_SPANNED)), (rows - 1, label))
            width = column + 1
            column += min(columns, _MOST_SPANNED) if column < _MOST_SPANNED else 1
        held = going_on
        if says:
            width = max(width, *(place + 1 for place, text in shown.items() if text))
            yield [shown.get(place, "") for place in range(width)]


def _text(cell: LexborNode) -> str:
    if is_hidden(cell):
        return ""
    pieces: list[str] = []
    for node, opens in events(cell, _is_shown):
        if not node.is_element_node:
            pieces.append(node.text_content or "" if opens and node.is_text_node else "")
        elif node.tag in BLOCKS or node.tag == "br":
            pieces.append(" ")
        elif node.tag == "img" and opens and not is_hidden(node):
            pieces.append(f" {node.attributes.get('alt') or ''} ")
    return one_line("".join(pieces))


def _is_shown(node: LexborNode) -> bool:
    return node.tag not in NEVER_SHOWN and not is_hidden(node)
