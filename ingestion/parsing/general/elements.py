"""Pages through unstructured: its elements as our blocks."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from ingestion.parsing.canonical import LINE_BREAK, LOWEST_LEVEL, CanonicalBuilder
from ingestion.parsing.general import untagged
from ingestion.parsing.markup.html_nodes import parsed
from ingestion.parsing.markup.html_tables import table_rows
from ingestion.parsing.records.tables import add_table
from rag_service.domain.documents import BlockKind

if TYPE_CHECKING:
    from unstructured.documents.elements import Element

_SKIPPED: Final = frozenset({"PageBreak", "PageNumber"})
_NO_LANGUAGE: Final = [""]  # how unstructured is told not to guess one; ours is found after parsing
_BATCH_CHARS: Final = 500_000  # an element takes many times the room of its text


def add_elements(builder: CanonicalBuilder, fragments: Iterable[str]) -> None:
    """Add what unstructured makes of pieces of HTML, each complete in itself.

    Raises:
        DocumentRejected: the text is over the limit.
    """
    partition = _partition_html()
    for page in _batches(fragments):
        for element in partition(text=page, languages=_NO_LANGUAGE):
            if element.category not in _SKIPPED:
                _add(builder, element)


def _partition_html() -> "Callable[..., list[Element]]":
    # Imported late: it takes seconds, and few files need it.
    sys.modules.setdefault("unstructured.nlp.tokenize", untagged)
    from unstructured.partition.html import parser, partition_html  # noqa: PLC0415

    # Its expression takes a tenth of a second for a paragraph without spaces; an address is a paragraph here.
    parser.is_us_city_state_zip = _is_never  # type: ignore[attr-defined, assignment]
    partition: Callable[..., list[Element]] = partition_html
    return partition


def _is_never(_text: str) -> bool:
    return False


def _batches(fragments: Iterable[str]) -> Iterator[str]:
    batch: list[str] = []
    chars = 0
    for fragment in fragments:
        batch.append(fragment)
        chars += len(fragment)
        if chars > _BATCH_CHARS:
            yield "\n".join(batch)
            batch, chars = [], 0
    if batch:
        yield "\n".join(batch)


def _add(builder: CanonicalBuilder, element: "Element") -> None:
    match element.category:
        case "Title":
            depth = element.metadata.category_depth or 0
            builder.add(element.text, BlockKind.HEADING, level=min(depth + 1, LOWEST_LEVEL))
        case "ListItem":
            builder.add(f"- {element.text}", BlockKind.LIST_ITEM, joiner=LINE_BREAK)
        case "CodeSnippet":
            builder.add(element.text, BlockKind.CODE)
        case "Table":
            _add_table(builder, element)
        case _:
            builder.add(element.text)


def _add_table(builder: CanonicalBuilder, element: "Element") -> None:
    table = parsed(element.metadata.text_as_html or "").css_first("table")
    if table is None:
        builder.add(element.text, BlockKind.TABLE)
    else:
        add_table(builder, table_rows(table))
