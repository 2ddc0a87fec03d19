"""One file to one parsed document: what the child process does, and nothing else in the service."""

from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.media_types import MediaType
from ingestion.parsing.pages import OnPages, unheard
from ingestion.parsing.sniff import sniff
from rag_service.domain.documents import ParsedDocument

Parser = Callable[[BinaryIO, ParsingLimits], ParsedDocument]


def read_document(file: BinaryIO, filename: str, limits: ParsingLimits, on_pages: OnPages = unheard) -> ParsedDocument:
    """Return the canonical text and blocks of `file`, whose bytes say what it is.

    `on_pages` is called after each page of a format whose reading takes a time per page.

    Raises:
        DocumentRejected: it cannot be read; the reason says why.
    """
    return parser_for(sniff(file, filename), on_pages)(file, limits)


def parser_for(media_type: MediaType, on_pages: OnPages = unheard) -> Parser:
    """Return the parser of a format. Imported when first needed: most processes see few formats."""
    match media_type:
        case MediaType.MARKDOWN:
            from ingestion.parsing.markdown import parse_markdown as parse  # noqa: PLC0415
        case MediaType.HTML:
            from ingestion.parsing.html import parse_html as parse  # noqa: PLC0415
        case MediaType.TEXT:
            from ingestion.parsing.text import parse_text as parse  # noqa: PLC0415
        case MediaType.PDF:
            from ingestion.parsing.pdf import parse_pdf  # noqa: PLC0415

            return partial(parse_pdf, on_pages=on_pages)
        case MediaType.DOCX:
            from ingestion.parsing.docx import parse_docx as parse  # noqa: PLC0415
        case MediaType.ROW:
            from ingestion.parsing.row import parse_row as parse  # noqa: PLC0415
    return parse
