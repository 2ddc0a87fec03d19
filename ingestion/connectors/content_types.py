"""Which contents of a website are documents, and the ending of a file that holds one."""

import posixpath

from ingestion.connectors.urls import path_of_url

HTML = ".html"

_ENDINGS = {
    "text/html": HTML,
    "application/xhtml+xml": HTML,
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/x-rst": ".rst",
    "text/csv": ".csv",
    "text/rtf": ".rtf",
    "application/rtf": ".rtf",
    "application/epub+zip": ".epub",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/download", "text/plain"})
_DOCUMENTS = frozenset(_ENDINGS.values()) | {".htm", ".xhtml", ".markdown", ".text"}
_NO_DOCUMENTS = frozenset(
    ".png .jpg .jpeg .gif .svg .webp .ico .bmp .tif .tiff .avif .css .js .mjs .map .json .xml .rss .atom .woff .woff2 .ttf "
    ".mp3 .mp4 .m4a .avi .mov .webm .ogg .wav .zip .gz .tgz .tar .bz2 .xz .7z .rar .exe .dmg .iso .apk .deb .rpm .jar .bin".split()
)


def ending_of(content_type: str, url: str) -> str | None:
    """Return the ending for a content, None when it is not a kind that is read."""
    kind = content_type.partition(";")[0].strip().lower()
    written = posixpath.splitext(path_of_url(url).lower())[1]
    if kind in _SAYS_NOTHING and written in _DOCUMENTS:
        return HTML if written in {".htm", ".xhtml"} else written
    return _ENDINGS.get(kind)


def may_be_document(url: str) -> bool:
    """Say whether it is worth asking for an address: pictures and programs are known by their names."""
    return posixpath.splitext(path_of_url(url).lower())[1] not in _NO_DOCUMENTS
