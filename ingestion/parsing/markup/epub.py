"""Books as EPUB: their chapters in reading order."""

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import unquote

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.containers.archive import UNREADABLE, check_archive
from ingestion.parsing.decoding import declared_charset, decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.html import add_markup
from ingestion.parsing.office.xml_parts import xml_root
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONT_SCRAMBLERS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_MARKUP = frozenset({"application/xhtml+xml", "text/html", "application/xml", "text/xml", "text/x-oeb1-document"})


def parse_epub(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the chapters of a book. They have no page numbers: where a page ends is up to the reader's screen."""
    # Chapters are HTML, with the document type of HTML; it is read by a parser that knows no entities of files.
    check_archive(file, limits, may_declare_types=True)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse_locked(archive)
            package_path = _package_path(archive)
            package = _xml(archive, package_path)
            for path in _chapters(package, posixpath.dirname(package_path)):
                _add_chapter(builder, archive, path)
    except UNREADABLE as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, type(exc).__name__) from exc
    return builder.build(title=package.findtext(".//{*}metadata/{*}title"))


def _add_chapter(builder: CanonicalBuilder, archive: zipfile.ZipFile, path: str) -> None:
    try:
        content = archive.read(path)
    except KeyError:
        builder.warn(f"{path} is missing from the book")
        return
    text, warnings = decode(content, declared=declared_charset(content))
    builder.warn(*warnings)
    add_markup(builder, text)


def _xml(archive: zipfile.ZipFile, path: str) -> Any:
    try:
        content = archive.read(path)
    except KeyError as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, f"{posixpath.basename(path)} is missing") from exc
    if b"<!ENTITY" in content.replace(b"\x00", b""):
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "an entry declares XML entities")
    root = xml_root(content)
    if root is None:
        raise DocumentRejected(ReasonCode.DAMAGED, f"{posixpath.basename(path)} is not XML")
    return root


def _package_path(archive: zipfile.ZipFile) -> str:
    rootfile = _xml(archive, _CONTAINER).find(".//{*}rootfile")
    path = rootfile.get("full-path", "") if rootfile is not None else ""
    if not path:
        raise DocumentRejected(ReasonCode.DAMAGED, "the book names no contents")
    return posixpath.normpath(path)


def _chapters(package: Any, folder: str) -> Iterator[str]:
    items = {item.get("id"): item for item in package.iterfind(".//{*}manifest/{*}item")}
    for reference in package.iterfind(".//{*}spine/{*}itemref"):
        item = items.pop(reference.get("idref"), None)
        if item is None or item.get("media-type") not in _MARKUP or "nav" in (item.get("properties") or "").split():
            continue
        yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "").partition("#")[0])))


def _refuse_locked(archive: zipfile.ZipFile) -> None:
    """Refuse a book under digital rights management; fonts are scrambled in free books too."""
    if _ENCRYPTION not in archive.namelist():
        return
    methods = [method.get("Algorithm") for method in _xml(archive, _ENCRYPTION).iterfind(".//{*}EncryptionMethod")]
    if any(method not in _FONT_SCRAMBLERS for method in methods):
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "the book is under digital rights management")
