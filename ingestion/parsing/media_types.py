"""The formats that are read."""

from enum import StrEnum


class MediaType(StrEnum):
    """What the bytes of a file are."""

    MARKDOWN = "text/markdown"
    HTML = "text/html"
    TEXT = "text/plain"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    ROW = "application/vnd.rag.row+json"


ENDINGS: dict[str, MediaType] = {
    ".md": MediaType.MARKDOWN,
    ".markdown": MediaType.MARKDOWN,
    ".html": MediaType.HTML,
    ".htm": MediaType.HTML,
    ".xhtml": MediaType.HTML,
    ".txt": MediaType.TEXT,
    ".text": MediaType.TEXT,
    ".pdf": MediaType.PDF,
    ".docx": MediaType.DOCX,
    ".row.json": MediaType.ROW,
}

TEXTUAL = frozenset({MediaType.MARKDOWN, MediaType.HTML, MediaType.TEXT, MediaType.ROW})

UNSUPPORTED_ENDINGS = frozenset(
    ".csv .tsv .json .jsonl .xml .eml .msg .rtf .doc .docm .dotx .dotm .odt .epub .xls .xlsx .xlsm .ods .ppt .pptx .odp "
    ".zip .gz .tar .7z .rar .png .jpg .jpeg .gif .tif .tiff .bmp .webp .svg .mp3 .mp4 .exe .dll .bin".split()
)
"""Endings that promise another format: such a file is not read as plain text, even when it is text."""
