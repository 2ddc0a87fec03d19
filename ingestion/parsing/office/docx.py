"""DOCX: the text document of Word, read from its main part block by block."""

import zipfile
from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO, Final

from lxml import etree

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.containers.archive import UNREADABLE, check_archive
from ingestion.parsing.decoding import declared_charset, decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.docx_blocks import DocxReader
from ingestion.parsing.office.docx_lists import Lists
from ingestion.parsing.office.docx_pages import Pages
from ingestion.parsing.office.docx_styles import Styles
from ingestion.parsing.office.ooxml import any_of, child_value
from ingestion.parsing.office.xml_parts import SAFE, core_title, local, part, related
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_PIECE_BYTES: Final = 2**16
_MAIN_PART: Final = "word/document.xml"
_EMPTY_TITLE: Final = "Word Document"  # what the empty templates of programs carry
_BLOCKS: Final = ("{*}p", "{*}tbl", "{*}altChunk")
_ROUND_BLOCKS: Final = frozenset({"sdt", "sdtContent", "customXml", "AlternateContent", "Choice"})
_DIRECTORY: Final = "Table of Contents"
_MARKUP: Final = (".html", ".htm", ".xhtml")


def parse_docx(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return headings, paragraphs, lists and tables of a Word file; notes follow what they are notes of.

    Headers, footers, tables of contents and hidden text stay out. Page numbers are as Word saved them.
    """
    check_archive(file, limits)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = _Parts(archive)
            with archive.open(parts.main) as content:
                pages = Pages(content)
            with archive.open(parts.main) as content:
                _read(content, builder, parts, pages)
            title = core_title(archive)
    except (*UNREADABLE, KeyError, etree.LxmlError, RecursionError) as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, type(exc).__name__) from exc
    return builder.build(title=title if title != _EMPTY_TITLE else None, page_count=pages.number)


class _Parts:
    """The parts of a document, by what they are to it."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        named = (name for kind, name in related(archive, "").values() if kind == "officeDocument")
        self.main = next(named, _MAIN_PART)

    @cached_property
    def _related(self) -> dict[str, tuple[str, str]]:
        return related(self._archive, self.main)

    def of_kind(self, kind: str) -> Any:
        """Return the root of the part that is, for instance, the "footnotes" of the document; None without one."""
        name = next((name for known, name in self._related.values() if known == kind), None)
        return part(self._archive, name) if name else None

    def of_id(self, relation_id: str) -> Any:
        """Return the root of the part that the text refers to, the first time."""
        _, name = self._related.pop(relation_id, ("", ""))
        return part(self._archive, name) if name else None

    def markup(self, relation_id: str) -> bytes | None:
        """Return a web page that the text takes in; None when it is missing or of another format."""
        _, name = self._related.pop(relation_id, ("", ""))
        is_there = name.lower().endswith(_MARKUP) and name in self._archive.namelist()
        return self._archive.read(name) if is_there else None


def _read(content: Any, builder: CanonicalBuilder, parts: _Parts, pages: Pages) -> None:
    reader = DocxReader(
        builder,
        Styles(parts.of_kind("styles")),
        Lists(parts.of_kind("numbering")),
        pages,
        part_of_kind=parts.of_kind,
        part_of_id=parts.of_id,
    )
    for element in _blocks(content):
        if local(element) == "altChunk":
            _take_in(builder, parts.markup(any_of(element, "id")))
        else:
            reader.read(element)
    reader.end()


def _blocks(content: Any) -> Iterator[Any]:
    """Yield each block that is in no other one, and let go of it afterwards: the whole tree takes ten times its size."""
    parser = etree.XMLPullParser(events=("end",), tag=_BLOCKS, **SAFE)
    while piece := content.read(_PIECE_BYTES):
        parser.feed(piece)
        # All at once: for each event that waits, the library would look through the whole tree of a block let go.
        for element in [element for _, element in parser.read_events() if _is_whole(element)]:
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    if local(parser.close()) != "document":
        raise DocumentRejected(ReasonCode.DAMAGED, "not a text document")


def _is_whole(element: Any) -> bool:
    """Say whether the element is a block of the body, maybe in content controls, but none of its table of contents."""
    holder = element.getparent()
    while holder is not None and local(holder) in _ROUND_BLOCKS:
        if local(holder) == "sdt" and _is_directory(holder):
            return False
        holder = holder.getparent()
    return holder is not None and local(holder) == "body"


def _is_directory(control: Any) -> bool:
    return child_value(control.find("{*}sdtPr/{*}docPartObj"), "docPartGallery") == _DIRECTORY


def _take_in(builder: CanonicalBuilder, markup: bytes | None) -> None:
    if markup is None:
        builder.warn("a file that the document takes in was not read")
        return
    from ingestion.parsing.markup.html import add_markup  # noqa: PLC0415  (few documents need it)

    text, warnings = decode(markup, declared=declared_charset(markup))
    builder.warn(*warnings)
    add_markup(builder, text)
