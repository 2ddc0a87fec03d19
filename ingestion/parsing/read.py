"""One file to one parsed document: what the child process does, and nothing else in the service."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from ingestion.parsing.containers.members import ReadMember
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.media_types import MediaType
from ingestion.parsing.ocr.recogniser import Recogniser
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
    recogniser = Recogniser(limits)
    read_member = partial(_read_member, recogniser)
    document = _parser_for(sniff(file, filename), recogniser, on_pages, read_member=read_member)(file, limits)
    return replace(document, ocr_languages=recogniser.languages)


def _read_member(recogniser: Recogniser, file: BinaryIO, filename: str, limits: ParsingLimits) -> ParsedDocument:
    # Files inside files inside files are not opened: that is where bombs are hidden.
    return _parser_for(sniff(file, filename), recogniser, read_member=None)(file, limits)


def _parser_for(
    media_type: MediaType, recogniser: Recogniser, on_pages: OnPages = unheard, *, read_member: ReadMember | None
) -> Parser:
    """Return the parser of a format. Imported when first needed: most processes see few formats.

    `read_member` reads the files inside one that holds others; with None they are named and not opened.
    """
    match media_type:
        case MediaType.PDF:
            from ingestion.parsing.pdf import parse_pdf  # noqa: PLC0415

            return partial(parse_pdf, recogniser=recogniser, on_pages=on_pages)
        case MediaType.EML | MediaType.MSG | MediaType.ZIP:
            return partial(_container_parser(media_type), read=read_member)
        case MediaType.MARKDOWN | MediaType.HTML | MediaType.TEXT | MediaType.RST | MediaType.ORG | MediaType.ROW:
            return _prose_parser(media_type)
        case MediaType.CSV | MediaType.TSV | MediaType.XLSX | MediaType.JSON | MediaType.JSONL | MediaType.XML:
            return _data_parser(media_type)
        case MediaType.DOCX | MediaType.PPTX | MediaType.ODT | MediaType.RTF | MediaType.EPUB:
            return _office_parser(media_type)


def _container_parser(media_type: MediaType) -> Callable[..., ParsedDocument]:
    match media_type:
        case MediaType.EML:
            from ingestion.parsing.containers.eml import parse_eml as parse  # noqa: PLC0415
        case MediaType.MSG:
            from ingestion.parsing.containers.msg import parse_msg as parse  # noqa: PLC0415
        case _:
            from ingestion.parsing.containers.zip_archive import parse_zip as parse  # noqa: PLC0415
    return parse


def _prose_parser(media_type: MediaType) -> Parser:
    match media_type:
        case MediaType.MARKDOWN:
            from ingestion.parsing.markup.markdown import parse_markdown as parse  # noqa: PLC0415
        case MediaType.HTML:
            from ingestion.parsing.markup.html import parse_html as parse  # noqa: PLC0415
        case MediaType.RST:
            from ingestion.parsing.markup.rst import parse_rst as parse  # noqa: PLC0415
        case MediaType.ORG:
            from ingestion.parsing.markup.org import parse_org as parse  # noqa: PLC0415
        case MediaType.ROW:
            from ingestion.parsing.records.row import parse_row as parse  # noqa: PLC0415
        case _:
            from ingestion.parsing.text import parse_text as parse  # noqa: PLC0415
    return parse


def _data_parser(media_type: MediaType) -> Parser:
    match media_type:
        case MediaType.XLSX:
            from ingestion.parsing.office.xlsx import parse_xlsx as parse  # noqa: PLC0415
        case MediaType.XML:
            from ingestion.parsing.general.xml import parse_xml as parse  # noqa: PLC0415
        case MediaType.JSON:
            from ingestion.parsing.records.json_text import parse_json as parse  # noqa: PLC0415
        case MediaType.JSONL:
            from ingestion.parsing.records.json_text import parse_jsonl as parse  # noqa: PLC0415
        case _:
            from ingestion.parsing.records.csv_table import parse_csv as parse  # noqa: PLC0415
    return parse


def _office_parser(media_type: MediaType) -> Parser:
    match media_type:
        case MediaType.PPTX:
            from ingestion.parsing.office.pptx import parse_pptx as parse  # noqa: PLC0415
        case MediaType.ODT:
            from ingestion.parsing.office.odt import parse_odt as parse  # noqa: PLC0415
        case MediaType.RTF:
            from ingestion.parsing.office.rtf import parse_rtf as parse  # noqa: PLC0415
        case MediaType.EPUB:
            from ingestion.parsing.markup.epub import parse_epub as parse  # noqa: PLC0415
        case _:
            from ingestion.parsing.office.docx import parse_docx as parse  # noqa: PLC0415
    return parse
