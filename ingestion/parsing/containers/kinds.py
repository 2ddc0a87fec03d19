"""What a container holds: the ZIP and OLE files of office programs, books, mails, and plain archives."""

import re
import struct
import zipfile
from typing import BinaryIO

from ingestion.parsing.containers.archive import UNREADABLE
from ingestion.parsing.media_types import MACRO_ENDINGS, ZIPPED, MediaType
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_MAIN_PARTS = {
    re.compile(r"word/document\d*\.xml"): MediaType.DOCX,  # Word on the web counts
    re.compile(r"ppt/presentation\.xml"): MediaType.PPTX,
    re.compile(r"xl/workbook\.xml"): MediaType.XLSX,
}
_MIMETYPES = {
    b"application/epub+zip": MediaType.EPUB,
    b"application/vnd.oasis.opendocument.text": MediaType.ODT,
}
_MIMETYPE = "mimetype"
_MIMETYPE_BYTES = 256
_BOOK_DIRECTORY = "META-INF/container.xml"
_MACROS = "vbaProject.bin"
_MESSAGE_STREAM = "__properties_version1.0"
_ENCRYPTED_STREAM = "EncryptedPackage"
_OLE_DIRECTORY_WITHIN = 16 * 2**20
_BROKEN_OLE = (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, struct.error)


def zip_kind(file: BinaryIO, ending: str, claimed: MediaType | None) -> MediaType | None:
    """Return what a ZIP file is, None when it is nothing that is read.

    Raises:
        DocumentRejected: it carries macros, or its directory is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = frozenset(archive.namelist())
            mimetype = _mimetype(archive) if _MIMETYPE in names else b""
    except UNREADABLE as exc:
        if claimed in ZIPPED or not ending:
            raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive directory") from exc
        return None
    office = [kind for part, kind in _MAIN_PARTS.items() if any(map(part.fullmatch, names))]
    if office and (ending in MACRO_ENDINGS or any(name.endswith(_MACROS) for name in names)):
        raise DocumentRejected(ReasonCode.UNSUPPORTED_TYPE, "it carries macros")
    if office:
        return claimed if claimed in office else office[0]
    if mimetype:
        return _MIMETYPES.get(mimetype)
    if claimed is MediaType.EPUB and _BOOK_DIRECTORY in names:
        return MediaType.EPUB  # zipped again by hand
    return MediaType.ZIP if ending in ("", ".zip") else None


def _mimetype(archive: zipfile.ZipFile) -> bytes:
    with archive.open(_MIMETYPE) as entry:
        return entry.read(_MIMETYPE_BYTES).strip()


def ole_kind(file: BinaryIO, claimed: MediaType | None) -> MediaType | None:
    """Return MSG for a mail of Outlook, None for the office files of before 2007.

    Raises:
        DocumentRejected: it is encrypted, or a mail whose directory is damaged.
    """
    from olefile import OleFileIO  # type: ignore[import-untyped]  # noqa: PLC0415  (few files need it)

    file.seek(0)
    try:
        with OleFileIO(file) as ole:
            names = {str(path[0]) for path in ole.listdir(streams=True, storages=True) if len(path) == 1}
    except _BROKEN_OLE as exc:
        names = {_ENCRYPTED_STREAM} if _names_encryption(file) else set()
        if not names and claimed is MediaType.MSG:
            raise DocumentRejected(ReasonCode.DAMAGED, "unreadable mail directory") from exc
    if _ENCRYPTED_STREAM in names:
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted office file")
    return MediaType.MSG if _MESSAGE_STREAM in names else None


def _names_encryption(file: BinaryIO) -> bool:
    file.seek(0)
    return _ENCRYPTED_STREAM.encode("utf-16-le") in file.read(_OLE_DIRECTORY_WITHIN)
