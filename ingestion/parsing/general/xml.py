"""XML of any vocabulary, such as DocBook, JATS, feeds and exports of data."""

from typing import Any, BinaryIO, Final

from lxml import etree

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.decoding import declared_charset, decode
from ingestion.parsing.general.elements import add_elements
from ingestion.parsing.general.xml_pages import pages
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.xml_parts import SAFE
from ingestion.parsing.text import read_limited
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_UTF8: Final = "utf-8"


def parse_xml(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the text of an XML file. What it refers to is not opened, and no entity is expanded."""
    content = read_limited(file, limits)
    text, warnings = decode(content, declared=declared_charset(content))
    root = _root(text.removeprefix("\ufeff").strip())
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*warnings)
    try:
        add_elements(builder, pages(root))
    except RecursionError as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "nested too deeply") from exc
    return builder.build()


def _root(text: str) -> Any:
    try:
        # The text has been decoded already: what its head says of its encoding holds no longer.
        root = etree.fromstring(
            text.encode(_UTF8, "replace"), etree.XMLParser(encoding=_UTF8, remove_comments=True, **SAFE)
        )
    except etree.LxmlError as exc:
        # Bombs are found out while it reads, and told as it tells of too many levels.
        reason = ReasonCode.ARCHIVE_BOMB if "<!ENTITY" in text else ReasonCode.DAMAGED
        raise DocumentRejected(reason, type(exc).__name__) from exc
    if _uses_its_own_entities(root):
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "its text is in XML entities")
    return root


def _uses_its_own_entities(root: Any) -> bool:
    """Say whether the text names entities that the file declares; old feeds declare those of HTML and use none."""
    document_type = root.getroottree().docinfo.internalDTD
    declared = {entity.name for entity in document_type.iterentities()} if document_type is not None else set()
    return any(reference.name in declared for reference in root.iter(etree.Entity))
