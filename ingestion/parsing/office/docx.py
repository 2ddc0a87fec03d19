"""DOCX through unstructured: headings by style, lists with their numbers, tables by row."""

import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

from ingestion.parsing.canonical import LINE_BREAK, CanonicalBuilder
from ingestion.parsing.containers.archive import UNREADABLE, check_archive
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.html_nodes import parsed
from ingestion.parsing.markup.html_tables import table_rows
from ingestion.parsing.office.strict_docx import transitional
from ingestion.parsing.office.xml_parts import core_title
from ingestion.parsing.records.tables import add_table
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

if TYPE_CHECKING:
    from unstructured.documents.elements import Element

_MAX_LEVEL = 6
# A part that is missing, of the wrong kind or not unpackable makes the libraries stumble over what they expect.
_BROKEN = (*UNREADABLE, LookupError, AttributeError, TypeError)
_SKIPPED = frozenset({"Header", "Footer", "PageBreak", "Image", "PageNumber"})


def parse_docx(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the text of a Word file; headers and footers stay out, page numbers are as Word saved them."""
    check_archive(file, limits)
    file = transitional(file)
    elements = _elements(file)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    for element in elements:
        if element.category not in _SKIPPED:
            _add(builder, element)
    pages = [element.metadata.page_number for element in elements if element.metadata.page_number]
    return builder.build(title=_title(file), page_count=max(pages, default=None))


def _elements(file: BinaryIO) -> "list[Element]":
    # Imported late: it takes seconds, and only this format needs it.
    from docx.opc.exceptions import OpcError  # noqa: PLC0415
    from lxml.etree import LxmlError  # noqa: PLC0415
    from unstructured.partition import docx as partition  # noqa: PLC0415

    class StyledPartitioner(partition._DocxPartitioner):  # noqa: SLF001
        """Classifies by style alone.

        The public `partition_docx` also runs a language model over every paragraph, only to tell narrative from
        other text, which are paragraphs alike here: more than nine tenths of its time, and a download at first use.
        """

        def _parse_paragraph_text_for_element_type(self, paragraph: Any) -> None:
            return None

        # Each of these looks through the whole paragraph for what no block keeps.
        def _paragraph_emphasis(self, paragraph: Any) -> tuple[list[str], list[str]]:
            return [], []

        def _paragraph_link_meta(self, paragraph: Any) -> tuple[list[str], list[str], list[Any]]:
            return [], [], []

    options = partition.DocxPartitionerOptions.load(
        file=file, file_path=None, include_page_breaks=False, infer_table_structure=True
    )
    try:
        return list(StyledPartitioner.iter_document_elements(options))
    except (OpcError, LxmlError, *_BROKEN) as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, type(exc).__name__) from exc


def _add(builder: CanonicalBuilder, element: "Element") -> None:
    page, depth = element.metadata.page_number, element.metadata.category_depth or 0
    match element.category:
        case "Title":
            builder.add(element.text, BlockKind.HEADING, level=min(depth + 1, _MAX_LEVEL), page=page)
        case "ListItem":
            builder.add(_marked(element.text), BlockKind.LIST_ITEM, page=page, joiner=LINE_BREAK)
        case "Table":
            _add_table(builder, element, page)
        case _:
            builder.add(element.text, page=page)


def _marked(text: str) -> str:
    begins_with_mark = text[:1] in "-•*·" or (text[:1].isdigit() and ("." in text[:4] or ")" in text[:4]))
    return text if begins_with_mark else f"- {text}"


def _add_table(builder: CanonicalBuilder, element: "Element", page: int | None) -> None:
    table = parsed(element.metadata.text_as_html or "").css_first("table")
    if table is None:
        builder.add(element.text, BlockKind.TABLE, page=page)
    else:
        add_table(builder, table_rows(table), page=page)


def _title(file: BinaryIO) -> str | None:
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        title = core_title(archive)
    # The name that the library's and Word's empty template carry says nothing.
    return title if title and title != "Word Document" else None
