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
_BODY: Final = f"{_OFFICE}text"
_DEPTH_OF_BODY = 2
_STYLES: Final = f"{_OFFICE}automatic-styles"
_PIECE_BYTES = 2**16
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
    parser = etree.XMLPullParser(events=("end",), **SAFE)
    while piece := content.read(_PIECE_BYTES):
        parser.feed(piece)
        # All at once: for each event that waits, the library would look through the whole tree of a block let go.
        for element in [element for _, element in parser.read_events() if _is_whole(element)]:
            if element.tag == _STYLES:
                styles.read(element)
                continue
            reader.read(element)
            # The tree of a long document takes ten times its size.
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    parser.close()


def _is_whole(element: Any) -> bool:
    """Say whether the element is one of the styles or a block; the text of an embedded document is not the text."""
    parent = element.getparent()
    is_block = parent is not None and parent.tag == _BODY and sum(1 for _ in parent.iterancestors()) == _DEPTH_OF_BODY
    return is_block or element.tag == _STYLES


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
