"""ODT: the text document of LibreOffice, read from its content part block by block."""

import zipfile
from functools import partial
from typing import Any, BinaryIO, Final

from lxml import etree

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.containers.archive import UNREADABLE, check_archive
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.odt_blocks import OdtReader
from ingestion.parsing.office.odt_styles import Styles
from ingestion.parsing.office.xml_parts import SAFE, part
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_CONTENT: Final = "content.xml"
_MANIFEST: Final = "META-INF/manifest.xml"


def parse_odt(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return headings, paragraphs, lists and tables of a text document; notes follow what they are notes of."""
    check_archive(file, limits)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    try:
        with zipfile.ZipFile(file) as archive:
            _reject_encrypted(archive)
            styles = Styles()
            styles.read(part(archive, "styles.xml"))
            with archive.open(_CONTENT) as content:
                _read(content, OdtReader(builder, styles, partial(_object, archive)), styles)
            title = _title(archive)
    except (*UNREADABLE, KeyError, etree.LxmlError, RecursionError) as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, type(exc).__name__) from exc
    return builder.build(title=title)


def _read(content: Any, reader: OdtReader, styles: Styles) -> None:
    # Blocks are let go as soon as they are read: the tree of a long document takes ten times its size.
    depth_of_text = None
    depth = 0
    for event, element in etree.iterparse(content, events=("start", "end"), **SAFE):
        if event == "start":
            depth += 1
            if element.tag == f"{_OFFICE}text" and depth_of_text is None:
                depth_of_text = depth
            continue
        depth -= 1
        if element.tag == f"{_OFFICE}automatic-styles":
            styles.read(element)
        elif depth_of_text is not None and depth == depth_of_text:
            reader.read(element)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _object(archive: zipfile.ZipFile, reference: str) -> Any:
    """Return the content of an embedded object, such as a chart."""
    name = reference.removeprefix("./")
    return part(archive, f"{name}/{_CONTENT}") if name else None


def _reject_encrypted(archive: zipfile.ZipFile) -> None:
    manifest = part(archive, _MANIFEST)
    if manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None:
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted document")


def _title(archive: zipfile.ZipFile) -> str | None:
    meta = part(archive, "meta.xml")
    return meta.findtext(".//{http://purl.org/dc/elements/1.1/}title") if meta is not None else None
