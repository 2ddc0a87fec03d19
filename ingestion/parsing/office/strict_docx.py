"""Word files in the strict dialect of the standard: the same under other names, which the library does not know."""

import io
import re
import zipfile
from typing import BinaryIO, Final

from ingestion.parsing.containers.archive import UNREADABLE
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_STRICT: Final = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_RELATIONS: Final = "_rels/.rels"
_XML_ENDINGS: Final = (".xml", ".rels")


def transitional(file: BinaryIO) -> BinaryIO:
    """Return `file` at its start, or, when it is in the strict dialect, the same in the usual one."""
    try:
        with zipfile.ZipFile(file) as archive:
            is_strict = _RELATIONS in archive.namelist() and _STRICT.search(archive.read(_RELATIONS))
            return _translated(archive) if is_strict else file
    except UNREADABLE as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive entry") from exc
    finally:
        file.seek(0)


def _translated(archive: zipfile.ZipFile) -> BinaryIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as translated:
        for member in archive.infolist():
            content = archive.read(member)
            if member.filename.endswith(_XML_ENDINGS):
                content = _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", content)
            translated.writestr(member.filename, content)
    buffer.seek(0)
    return buffer
