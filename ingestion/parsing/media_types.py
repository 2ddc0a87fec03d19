"""The formats that are read."""

from enum import StrEnum


class MediaType(StrEnum):
    """What the bytes of a file are."""

    MARKDOWN = "text/markdown"
    HTML = "text/html"
    TEXT = "text/plain"
    RST = "text/x-rst"
    ORG = "text/org"
    XML = "application/xml"
    CSV = "text/csv"
    TSV = "text/tab-separated-values"
    JSON = "application/json"
    JSONL = "application/x-ndjson"
    ROW = "application/vnd.rag.row+json"
    EML = "message/rfc822"
    MSG = "application/vnd.ms-outlook"
    PDF = "application/pdf"
    RTF = "application/rtf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    ODT = "application/vnd.oasis.opendocument.text"
    EPUB = "application/epub+zip"
    ZIP = "application/zip"


ENDINGS: dict[str, MediaType] = {
    ".md": MediaType.MARKDOWN,
    ".markdown": MediaType.MARKDOWN,
    ".html": MediaType.HTML,
    ".htm": MediaType.HTML,
    ".xhtml": MediaType.HTML,
    ".txt": MediaType.TEXT,
    ".text": MediaType.TEXT,
    ".rst": MediaType.RST,
    ".org": MediaType.ORG,
    ".xml": MediaType.XML,
    ".nxml": MediaType.XML,
    ".csv": MediaType.CSV,
    ".tsv": MediaType.TSV,
    ".json": MediaType.JSON,
    ".jsonl": MediaType.JSONL,
    ".ndjson": MediaType.JSONL,
    ".row.json": MediaType.ROW,
    ".eml": MediaType.EML,
    ".msg": MediaType.MSG,
    ".pdf": MediaType.PDF,
    ".rtf": MediaType.RTF,
    ".docx": MediaType.DOCX,
    ".xlsx": MediaType.XLSX,
    ".pptx": MediaType.PPTX,
    ".odt": MediaType.ODT,
    ".epub": MediaType.EPUB,
    ".zip": MediaType.ZIP,
}

TEXTUAL = frozenset(
    {
        MediaType.MARKDOWN,
        MediaType.HTML,
        MediaType.TEXT,
        MediaType.RST,
        MediaType.ORG,
        MediaType.XML,
        MediaType.CSV,
        MediaType.TSV,
        MediaType.JSON,
        MediaType.JSONL,
        MediaType.ROW,
        MediaType.EML,
    }
)
"""Only the ending of their names tells these apart."""

ZIPPED = frozenset({MediaType.DOCX, MediaType.XLSX, MediaType.PPTX, MediaType.ODT, MediaType.EPUB, MediaType.ZIP})
"""Containers in the ZIP format."""

MACRO_ENDINGS = frozenset(".docm .dotm .xlsm .xltm .xlam .pptm .potm .ppsm .ppam".split())

UNSUPPORTED_ENDINGS = MACRO_ENDINGS | frozenset(
    ".doc .dot .dotx .xls .xlsb .xltx .ods .ppt .pps .potx .ppsx .odp .gz .tar .7z .rar .png .jpg .jpeg .gif .tif "
    ".tiff .bmp .webp .heic .svg .mp3 .mp4 .exe .dll .bin".split()
)
"""Endings that promise another format: such a file is not read as plain text, even when it is text."""
